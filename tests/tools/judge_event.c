/*
 * judge_event CONTRACT.json RECORD_TIMESTAMP_MS FILE...: what the decoder says of each
 * file as a record's value. Prints "FILE<TAB>ok" or "FILE<TAB>code"; with "-" for the
 * files, reads their names from stdin, one a line. An empty file is a tombstone.
 */
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/event_json.h"
#include "tests/tools/read_file.h"

#define VALUE_MAX                                                                        \
    ((size_t)EVENT_VALUE_MAX + 4096) /* enough to see that it is too large */
#define CONTRACT_MAX ((size_t)8 << 20)

struct judge {
    struct contract *contract;
    struct event_decoder *decoder;
    struct pool pool;
    int64_t recorded_at_ms;
};

static bool judge_file(struct judge *judge, const char *path)
{
    SCOPED(free_file) struct span value = read_file(path, VALUE_MAX);
    struct event event;
    const struct event_input input = {.contract = judge->contract,
                                      .value = value,
                                      .recorded_at_ms = judge->recorded_at_ms};
    if (value.bytes == NULL) {
        fprintf(stderr, "judge_event: can not read %s\n", path);
        return false;
    }
    pool_reset(&judge->pool);
    enum reason reason =
        event_json_decode(judge->decoder, &input, &judge->pool, &event, NULL);
    printf("%s\t%s\n", path, reason_code(reason));
    return true;
}

static bool judge_names(struct judge *judge)
{
    char path[4096];
    while (fgets(path, sizeof(path), stdin) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        if (path[0] != '\0' && !judge_file(judge, path))
            return false;
    }
    return true;
}

static bool judge_all(struct judge *judge, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "-") == 0)
        return judge_names(judge);
    for (int at = 0; at < argc; at++)
        if (!judge_file(judge, argv[at]))
            return false;
    return true;
}

int main(int argc, char **argv)
{
    struct error error;
    struct judge judge = {0};
    if (argc < 4 || !span_to_int64(span_from(argv[2]), &judge.recorded_at_ms)) {
        fprintf(stderr,
                "usage: judge_event CONTRACT.json RECORD_TIMESTAMP_MS FILE...|-\n");
        return EXIT_USAGE;
    }
    SCOPED(free_file) struct span text = read_file(argv[1], CONTRACT_MAX);
    if (contract_decode(text, &judge.contract, &error) != STATUS_OK) {
        fprintf(stderr, "judge_event: %s: %s\n", argv[1], error.text);
        return error_exit_code(&error);
    }
    pool_init(&judge.pool, (size_t)1 << 20);
    judge.decoder = event_decoder_new();
    bool done = judge.decoder != NULL && judge_all(&judge, argc - 3, argv + 3);
    event_decoder_free(&judge.decoder);
    pool_free(&judge.pool);
    contract_free(&judge.contract);
    return done ? 0 : EXIT_UNAVAILABLE;
}
