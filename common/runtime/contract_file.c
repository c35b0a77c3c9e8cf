#include "common/runtime/contract_file.h"

#include "common/codec/contract_json.h"
#include "common/io/file_read.h"

static enum status cannot_read(const char *path, int code, struct error *error)
{
    (void)error_set(error, STATUS_FATAL,
                    "cannot read the contract file %s: %s; set PARSTOCK_CONTRACT or "
                    "--contract",
                    path, strerror(code));
    return error_exit(error, EXIT_CONFIG);
}

enum status contract_file_load(const char *path, struct buf *text_out,
                               struct contract **contract_out, struct error *error)
{
    buf_init(text_out, CONTRACT_FILE_MAX);
    int code = file_read(path, text_out);
    if (code != 0)
        return cannot_read(path, code, error);
    struct error found = {0};
    enum status status = contract_decode(buf_view(text_out), contract_out, &found);
    if (status == STATUS_OK)
        return status;
    (void)error_set(error, status, "%s: %.*s", path, ERROR_TEXT_MAX / 2, found.text);
    return error_exit(error, found.exit_code);
}
