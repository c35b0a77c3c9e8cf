/*
 * seal_packet DATA OUT: makes a packet of data files alone, as whoever wants to forge one
 * would. Tests show with it what `packet verify` sees, and draw pages without a database.
 */
#include "common/base/scope.h"
#include "workers/packet/packet.h"

#include <errno.h>
#include <stdio.h>

#define FILE_BYTES_MAX ((size_t)512 << 20)

static enum status copy(const struct dir_read *from, struct dir_write *to,
                        const char *name, struct error *error)
{
    SCOPED(buf_free) struct buf bytes;
    buf_init(&bytes, FILE_BYTES_MAX);
    int code = dir_read_whole(from, name, &bytes);
    if (code == ENOENT)
        return STATUS_OK;
    if (code != 0)
        return error_set(error, STATUS_FATAL, "%s: %s", name, strerror(code));
    struct dir_file *file = dir_write_file(to, name);
    if (file != NULL) {
        const struct sink sink = dir_file_sink(file);
        sink_take(&sink, buf_view(&bytes));
    }
    return dir_file_close(to, file, error);
}

static enum status seal(const char *from, const char *to, struct error *error)
{
    SCOPED(dir_read_close) struct dir_read data = {-1};
    SCOPED(dir_write_close) struct dir_write *dir = NULL;
    char digest[WEEK_DIGEST_MAX];
    enum status status = dir_read_open(from, &data, error);
    if (status == STATUS_OK)
        status = dir_write_open(to, &dir, error);
    for (size_t at = 0; status == STATUS_OK && at < PACKET_SOURCE_COUNT; at++)
        status = copy(&data, dir, packet_source_name((enum packet_source)at), error);
    if (status == STATUS_OK)
        status = packet_seal(dir, digest, error);
    return status == STATUS_OK ? dir_write_commit(dir, true, PACKET_MANIFEST, error)
                               : status;
}

int main(int argc, char **argv)
{
    struct error error = {0};
    if (argc != 3) {
        fputs("usage: seal_packet DATA OUT\n", stderr);
        return EXIT_USAGE;
    }
    if (seal(argv[1], argv[2], &error) == STATUS_OK)
        return 0;
    fprintf(stderr, "seal_packet: %s\n", error.text);
    return error_exit_code(&error);
}
