#include "common/runtime/shadow.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LENGTH 20

enum status shadow_schema(const char *live, const char *name,
                          char schema_out[SHADOW_SCHEMA_MAX], struct error *error)
{
    size_t length = strlen(name);
    bool is_plain = length > 0 && length <= NAME_MAX_LENGTH &&
                    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
    int whole = snprintf(schema_out, SHADOW_SCHEMA_MAX, "%s_shadow_%s", live, name);
    if (is_plain && whole > 0 && whole < SHADOW_SCHEMA_MAX)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT,
                    "a shadow's name is 1 to 20 lower-case letters, digits and "
                    "underscores, and with the schema's name at most %d characters",
                    SHADOW_SCHEMA_MAX - 1);
    return error_exit(error, EXIT_USAGE);
}
