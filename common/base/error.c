#include "common/base/error.h"

#include "common/base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void error_fill(struct error *error, enum status status, const char *format,
                       va_list arguments)
{
    ASSERT(error != NULL);
    ASSERT(status != STATUS_OK);
    error->status = status;
    error->exit_code = 0;
    error->code[0] = '\0';
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
}

enum status error_set(struct error *error, enum status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_fill(error, status, format, arguments);
    va_end(arguments);
    return status;
}

enum status error_set_code(struct error *error, enum status status, const char *code,
                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_fill(error, status, format, arguments);
    va_end(arguments);
    (void)snprintf(error->code, sizeof(error->code), "%s", code);
    return status;
}

enum status error_exit(struct error *error, int exit_code)
{
    error->exit_code = exit_code;
    return error->status;
}

enum status error_refuse(struct error *error, int exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_fill(error, STATUS_REJECT, format, arguments);
    va_end(arguments);
    return error_exit(error, exit_code);
}

enum status error_usage(struct error *error, const char *text)
{
    return error_refuse(error, EXIT_USAGE, "%s", text);
}

int error_exit_code(const struct error *error)
{
    if (error->exit_code != 0)
        return error->exit_code;
    switch (error->status) {
    case STATUS_OK:
        return 0;
    case STATUS_RETRY:
        return EXIT_UNAVAILABLE;
    case STATUS_REJECT:
        return EXIT_DATA;
    case STATUS_FATAL:
        return EXIT_CONFIG;
    }
    UNREACHABLE("every status has an exit code");
}
