#include "workers/import/import_mapping.h"

#include "common/base/buf.h"
#include "common/base/scope.h"
#include "common/io/file_read.h"

#include <string.h>

#define FILE_BYTES_MAX ((size_t)4 * 1024 * 1024)

static enum status cannot_read(const char *path, int code, struct error *error)
{
    (void)error_set(error, STATUS_FATAL, "cannot read the mapping file %.300s: %s", path,
                    strerror(code));
    return error_exit(error, EXIT_CONFIG);
}

enum status import_mapping_load(const char *path, struct feed_mapping **mapping_out,
                                struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    buf_init(&text, FILE_BYTES_MAX);
    if (path == NULL) {
        *mapping_out = feed_mapping_default();
        return *mapping_out != NULL ? STATUS_OK
                                    : error_set(error, STATUS_FATAL, "out of memory");
    }
    int code = file_read(path, &text);
    return code == 0 ? feed_mapping_decode(buf_view(&text), mapping_out, error)
                     : cannot_read(path, code, error);
}
