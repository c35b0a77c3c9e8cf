#include "common/runtime/log.h"

#include "common/base/buf.h"
#include "common/base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX ((size_t)128 * 1024)
#define LOG_VALUE_MAX ((size_t)8 * 1024)
#define LOG_FIELDS_MAX 12

static const char *const LEVEL_NAMES[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

static atomic_int log_level = LOG_LEVEL_INFO;
static char log_component[64] = "parstock";
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

enum status log_open(const char *component, const char *level, struct error *error)
{
    for (size_t i = 0; i < COUNT_OF(LEVEL_NAMES); i++) {
        if (strcmp(LEVEL_NAMES[i], level) != 0)
            continue;
        atomic_store(&log_level, (int)i);
        pthread_mutex_lock(&log_lock);
        size_t length = strnlen(component, sizeof(log_component) - 1);
        memcpy(log_component, component, length);
        log_component[length] = '\0';
        pthread_mutex_unlock(&log_lock);
        return STATUS_OK;
    }
    error_set(error, STATUS_FATAL,
              "log level '%s' is unknown: set PARSTOCK_LOG to error, warn, info or debug",
              level);
    return error_exit(error, EXIT_CONFIG);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load(&log_level);
}

/* Least first code point, by the number of continuation bytes: shorter is overlong. */
static const uint32_t UTF8_LEAST[] = {0, 0x80, 0x800, 0x10000};

static size_t utf8_follow_count(unsigned char lead)
{
    if (lead >= 0xc2 && lead <= 0xdf)
        return 1;
    if (lead >= 0xe0 && lead <= 0xef)
        return 2;
    return lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
}

/* Length of the well-formed character at `at`; 0 where the bytes are none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80)
        return 1;
    size_t follow = utf8_follow_count(at[0]);
    if (follow == 0 || follow >= left)
        return 0;
    uint32_t point = at[0] & (0x3fU >> follow);
    for (size_t i = 1; i <= follow; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3fU);
    }
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < UTF8_LEAST[follow] || point > 0x10ffff || surrogate ? 0 : follow + 1;
}

static void log_ascii(struct buf *line, unsigned char byte)
{
    switch (byte) {
    case '"':
        buf_text(line, "\\\"");
        return;
    case '\\':
        buf_text(line, "\\\\");
        return;
    case '\n':
        buf_text(line, "\\n");
        return;
    case '\r':
        buf_text(line, "\\r");
        return;
    case '\t':
        buf_text(line, "\\t");
        return;
    default:
        break;
    }
    if (byte < 0x20 || byte == 0x7f)
        buf_format(line, "\\u%04x", byte);
    else
        buf_byte(line, (char)byte);
}

static void log_string(struct buf *line, const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = strlen(text);
    size_t end = length > LOG_VALUE_MAX ? LOG_VALUE_MAX : length;
    buf_byte(line, '"');
    for (size_t at = 0; at < end;) {
        size_t count = utf8_length(bytes + at, length - at);
        if (count == 0)
            buf_text(line, "\\ufffd");
        else if (count == 1)
            log_ascii(line, bytes[at]);
        else
            buf_add(line, bytes + at, count);
        at += count > 0 ? count : 1;
    }
    buf_text(line, end < length ? "...\"" : "\"");
}

static void log_time(struct buf *line)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    buf_format(line, "{\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\"",
               parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
               parts.tm_min, parts.tm_sec, now.tv_nsec / 1000000);
}

static void log_field(struct buf *line, const char *name, const char *text)
{
    buf_byte(line, ',');
    log_string(line, name);
    buf_byte(line, ':');
    log_string(line, text);
}

static void log_fields(struct buf *line, const struct log_field *fields)
{
    for (size_t i = 0; i < LOG_FIELDS_MAX && fields[i].name != NULL; i++) {
        if (fields[i].text != NULL) {
            log_field(line, fields[i].name, fields[i].text);
            continue;
        }
        buf_byte(line, ',');
        log_string(line, fields[i].name);
        buf_format(line, ":%" PRId64, fields[i].number);
    }
}

/* A line is one write; only a full pipe or a signal can make it two. */
static void log_emit(struct span line)
{
    while (line.length > 0) {
        ssize_t written = write(STDERR_FILENO, line.bytes, line.length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        line.bytes += written;
        line.length -= (size_t)written;
    }
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
    if (!log_enabled(level))
        return;
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    pthread_mutex_lock(&log_lock);
    log_time(&line);
    log_field(&line, "level", LEVEL_NAMES[level]);
    log_field(&line, "component", log_component);
    log_field(&line, "msg", message);
    log_fields(&line, fields);
    buf_text(&line, "}\n");
    log_emit(buf_view(&line));
    pthread_mutex_unlock(&log_lock);
    buf_free(&line);
}
