#include "common/runtime/contract_file.h"

#include "common/codec/contract_json.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static enum status cannot_read(const char *path, int code, struct error *error)
{
    (void)error_set(error, STATUS_FATAL,
                    "cannot read the contract file %s: %s; set PARSTOCK_CONTRACT or "
                    "--contract",
                    path, strerror(code));
    return error_exit(error, EXIT_CONFIG);
}

static enum status read_all(int file, const char *path, struct buf *text,
                            struct error *error)
{
    char piece[16 * 1024];
    ssize_t got;
    while ((got = read(file, piece, sizeof(piece))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cannot_read(path, errno, error);
        buf_add(text, piece, (size_t)got);
    }
    return text->failed ? cannot_read(path, EFBIG, error) : STATUS_OK;
}

enum status contract_file_load(const char *path, struct buf *text_out,
                               struct contract **contract_out, struct error *error)
{
    buf_init(text_out, CONTRACT_FILE_MAX);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return cannot_read(path, errno, error);
    enum status status = read_all(file, path, text_out, error);
    (void)close(file);
    if (status != STATUS_OK)
        return status;
    struct error found = {0};
    status = contract_decode(buf_view(text_out), contract_out, &found);
    if (status == STATUS_OK)
        return status;
    (void)error_set(error, status, "%s: %.*s", path, ERROR_TEXT_MAX / 2, found.text);
    return error_exit(error, found.exit_code);
}
