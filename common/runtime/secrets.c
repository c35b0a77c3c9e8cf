#include "common/runtime/secrets.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/file_read.h"

#include <stdlib.h>
#include <unistd.h>

#define SECRET_FILE_MAX ((size_t)64 * 1024)
#define PREFIX "PARSTOCK_"

/* Parts of the names of variables that hold secrets. */
static const char *const MARKS[] = {"TOKEN", "SECRET", "PASSWORD", "KEY",
                                    "_URL",  "JAAS",   "PGPASS",   "HEADERS"};

static bool is_marked(struct span name, const char *mark)
{
    size_t length = strlen(mark);
    for (size_t at = 0; at + length <= name.length; at++)
        if (memcmp(name.bytes + at, mark, length) == 0)
            return true;
    return false;
}

static bool is_secret(struct span name)
{
    for (size_t at = 0; at < COUNT_OF(MARKS); at++)
        if (is_marked(name, MARKS[at]))
            return true;
    return false;
}

static bool ends(struct span name, struct span with)
{
    return name.length > with.length &&
           memcmp(name.bytes + name.length - with.length, with.bytes, with.length) == 0;
}

static bool add_value(struct redact *redact, struct pool *pool, struct span name,
                      struct span value)
{
    if (is_marked(name, "POSTGRES"))
        return redact_add(redact, value) && redact_add_dsn(redact, value, pool);
    return !is_secret(name) || redact_add(redact, value);
}

/* Without the line end that editors leave. */
static bool add_file(struct redact *redact, struct pool *pool, struct span name,
                     const char *path)
{
    SCOPED(buf_free) struct buf text;
    buf_init(&text, SECRET_FILE_MAX);
    if (file_read(path, &text) != 0)
        return true;
    struct span kept = pool_buf(pool, &text);
    while (kept.length > 0 &&
           (kept.bytes[kept.length - 1] == '\n' || kept.bytes[kept.length - 1] == '\r'))
        kept.length--;
    return kept.bytes != NULL && add_value(redact, pool, name, kept);
}

enum status secrets_load(struct redact *redact, struct pool *pool, struct error *error)
{
    for (char **entry = environ; *entry != NULL; entry++) {
        struct span name = {*entry, strcspn(*entry, "=")};
        const char *value = *entry + name.length + 1;
        bool is_ours =
            strncmp(*entry, PREFIX, sizeof PREFIX - 1) == 0 || is_marked(name, "PGPASS");
        if (!is_ours || (*entry)[name.length] != '=')
            continue;
        bool fits = ends(name, SPAN_OF("_FILE"))
                        ? add_file(redact, pool, name, value)
                        : add_value(redact, pool, name, span_from(value));
        if (!fits)
            return error_set(error, STATUS_FATAL, "more secrets than can be kept out");
    }
    return STATUS_OK;
}
