#include "common/runtime/trace_headers.h"

#include "common/runtime/config.h"

#include <ctype.h>

#define VARIABLE "PARSTOCK_OTLP_HEADERS"

static enum status wrong(const char *what, struct error *error)
{
    (void)error_set(error, STATUS_FATAL, VARIABLE " is a list name=value,name=value: %s",
                    what);
    return error_exit(error, EXIT_CONFIG);
}

/* In place: blanks at both ends go. */
static char *trim(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

static bool is_name(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_')
            return false;
    return text[0] != '\0';
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = (char)(byte | 0x20);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The byte at *at, percent-encoded or not; -1: it can stand in no header. */
static int next_byte(const char **at)
{
    int byte = (unsigned char)*(*at)++;
    if (byte == '%') {
        int high = hex_digit((*at)[0]);
        int low = high >= 0 ? hex_digit((*at)[1]) : -1;
        if (low < 0)
            return -1;
        byte = high << 4 | low;
        *at += 2;
    }
    return iscntrl(byte) ? -1 : byte;
}

/* In place. */
static bool decode(char *text)
{
    char *out = text;
    for (const char *at = text; *at != '\0';) {
        int byte = next_byte(&at);
        if (byte < 0)
            return false;
        *out++ = (char)byte;
    }
    *out = '\0';
    return out > text;
}

static enum status take(char *entry, struct trace_headers *headers, struct error *error)
{
    char *equals = strchr(entry, '=');
    if (equals == NULL)
        return wrong("an entry has no '='", error);
    *equals = '\0';
    char *name = trim(entry);
    char *value = trim(equals + 1);
    if (!is_name(name))
        return wrong("a name is none of a header", error);
    if (!decode(value))
        return wrong("a value is none of a header", error);
    if (headers->count == TRACE_HEADERS_MAX)
        return wrong("there are more than 16", error);
    headers->list[headers->count++] = (struct http_own_header){name, value};
    return STATUS_OK;
}

enum status trace_headers_load(struct trace_headers *headers, struct error *error)
{
    const char *text = NULL;
    headers->count = 0;
    enum status status = config_secret(VARIABLE, &text, error);
    if (status != STATUS_OK || text == NULL)
        return status;
    if (strlen(text) >= sizeof(headers->room))
        return wrong("it is longer than 8 KiB", error);
    memcpy(headers->room, text, strlen(text) + 1);
    for (char *entry = headers->room; entry != NULL && status == STATUS_OK;) {
        char *comma = strchr(entry, ',');
        if (comma != NULL)
            *comma = '\0';
        if (entry[strspn(entry, " \t\r\n")] !=
            '\0') /* OpenTelemetry lets them be empty */
            status = take(entry, headers, error);
        entry = comma != NULL ? comma + 1 : NULL;
    }
    return status;
}
