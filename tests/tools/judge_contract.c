/*
 * judge_contract FILE...: what the loader says of each contract file. Prints
 * "FILE<TAB>ok" or "FILE<TAB>refused: text".
 */
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "tests/tools/read_file.h"

#define CONTRACT_MAX ((size_t)8 << 20)

static bool judge_file(const char *path)
{
    struct error error;
    struct contract *contract = NULL;
    SCOPED(free_file) struct span text = read_file(path, CONTRACT_MAX);
    if (text.bytes == NULL) {
        fprintf(stderr, "judge_contract: can not read %s\n", path);
        return false;
    }
    if (contract_decode(text, &contract, &error) == STATUS_OK)
        printf("%s\tok\n", path);
    else
        printf("%s\trefused: %s\n", path, error.text);
    contract_free(&contract);
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: judge_contract FILE...\n");
        return EXIT_USAGE;
    }
    for (int at = 1; at < argc; at++)
        if (!judge_file(argv[at]))
            return EXIT_UNAVAILABLE;
    return 0;
}
