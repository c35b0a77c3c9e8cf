#include "common/io/file_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int file_folder(const char *path)
{
    struct stat about;
    if (mkdir(path, S_IRWXU) == 0)
        return 0;
    int code = errno;
    if (code != EEXIST || stat(path, &about) != 0)
        return code;
    return S_ISDIR(about.st_mode) ? 0 : ENOTDIR;
}

static int write_all(int file, struct span bytes)
{
    while (bytes.length > 0) {
        ssize_t written = write(file, bytes.bytes, bytes.length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        bytes.bytes += written;
        bytes.length -= (size_t)written;
    }
    return 0;
}

int file_write_new(const char *folder, const char *name, struct span bytes)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return ENAMETOOLONG;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0)
        return errno;
    int code = write_all(file, bytes);
    if (close(file) != 0 && code == 0)
        code = errno;
    if (code != 0)
        (void)unlink(path);
    return code;
}
