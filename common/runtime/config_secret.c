#include "common/runtime/config_table.h"

#include "common/base/check.h"
#include "common/base/pool.h"
#include "common/base/scope.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEPT_MAX ((size_t)4 * 1024 * 1024)
#define SECRET_MAX 65536
#define VARIABLE_MAX 256

static struct pool kept = {.max = KEPT_MAX};
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

char *config_keep(struct span text)
{
    pthread_mutex_lock(&kept_lock);
    char *copy = pool_take(&kept, text.length + 1);
    pthread_mutex_unlock(&kept_lock);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    return copy;
}

static enum status secret_fail(struct error *error, const char *variable,
                               const char *path, const char *what)
{
    error_set(error, STATUS_FATAL, "%s_FILE names %.200s: %s", variable, path, what);
    return error_exit(error, EXIT_CONFIG);
}

static void file_close(int *file)
{
    if (*file >= 0)
        (void)close(*file);
}

/* Reads at most `size` bytes; < 0 with errno on failure. */
static ssize_t file_read(int file, char *room, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t count = read(file, room + length, size - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        length += (size_t)count;
    }
    return (ssize_t)length;
}

/* Editors and `echo` end a file in a line feed, which is no part of the secret. */
static size_t without_line_end(const char *bytes, size_t length)
{
    if (length > 0 && bytes[length - 1] == '\n')
        length--;
    if (length > 0 && bytes[length - 1] == '\r')
        length--;
    return length;
}

static enum status secret_read(const char *variable, const char *path,
                               const char **value_out, struct error *error)
{
    static char room[SECRET_MAX + 1];
    SCOPED(file_close) int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return secret_fail(error, variable, path, strerror(errno));
    ssize_t count = file_read(file, room, sizeof(room));
    if (count < 0)
        return secret_fail(error, variable, path, strerror(errno));
    if (count > SECRET_MAX)
        return secret_fail(error, variable, path, "longer than 64 KiB, so no secret");
    size_t length = without_line_end(room, (size_t)count);
    if (length == 0)
        return secret_fail(error, variable, path, "the file is empty");
    if (memchr(room, '\0', length) != NULL)
        return secret_fail(error, variable, path, "holds a NUL byte, so no text");
    *value_out = config_keep((struct span){.bytes = room, .length = length});
    explicit_bzero(room, sizeof(room));
    if (*value_out == NULL)
        return secret_fail(error, variable, path, "no memory");
    return STATUS_OK;
}

enum status config_secret(const char *name, const char **value_out, struct error *error)
{
    char file_variable[VARIABLE_MAX];
    ASSERT(strlen(name) + sizeof("_FILE") <= sizeof(file_variable));
    (void)snprintf(file_variable, sizeof(file_variable), "%s_FILE", name);
    const char *value = getenv(name);
    const char *path = getenv(file_variable);
    bool has_value = value != NULL && value[0] != '\0';
    bool has_path = path != NULL && path[0] != '\0';
    *value_out = NULL;
    if (has_value && has_path) {
        error_set(error, STATUS_FATAL, "%s and %s are both set: unset one of them", name,
                  file_variable);
        return error_exit(error, EXIT_CONFIG);
    }
    if (has_path)
        return secret_read(name, path, value_out, error);
    if (has_value)
        *value_out = value;
    return STATUS_OK;
}

static void name_variable(const char *prefix, struct span name, const char *suffix,
                          char *room, size_t size)
{
    size_t length = strlen(prefix);
    ASSERT(size > length + name.length + strlen(suffix));
    memcpy(room, prefix, length);
    for (size_t i = 0; i < name.length; i++) {
        unsigned char byte = (unsigned char)name.bytes[i];
        bool plain = byte < 0x80 && isalnum(byte);
        room[length++] = plain ? (char)toupper(byte) : '_';
    }
    (void)snprintf(room + length, size - length, "%s", suffix);
}

void config_shop_variable(struct span shop, const char *suffix, char *room, size_t size)
{
    name_variable("PARSTOCK_SHOP_", shop, suffix, room, size);
}

void config_alert_variable(struct span route, const char *suffix, char *room, size_t size)
{
    name_variable("PARSTOCK_ALERT_", route, suffix, room, size);
}

#define SOURCE_PREFIX "PARSTOCK_SOURCE_"

bool config_source_variable(struct span source, const char *suffix, char *room,
                            size_t size)
{
    size_t needed = sizeof(SOURCE_PREFIX "_FILE") + source.length + strlen(suffix);
    if (needed > size || needed > VARIABLE_MAX)
        return false;
    name_variable(SOURCE_PREFIX, source, suffix, room, size);
    return true;
}
