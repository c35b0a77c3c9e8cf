#include "common/io/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int read_all(int file, struct buf *out)
{
    char piece[16 * 1024];
    ssize_t got;
    while ((got = read(file, piece, sizeof(piece))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        buf_add(out, piece, (size_t)got);
    }
    return out->failed ? EFBIG : 0;
}

int file_read(const char *path, struct buf *out)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno;
    int code = read_all(file, out);
    (void)close(file);
    return code;
}
