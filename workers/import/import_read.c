#include "workers/import/import_read.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define US_PER_SECOND 1000000LL

/* Everything that reading one file needs; large, so never on a stack. */
struct reading {
    const struct import_context *context;
    const struct import_file *file;
    const struct import_visitor *visitor;
    struct feed_judge *judge;
    int handle;
    bool is_json;
    bool has_header; /* the header was read, or there is none to read */
    bool is_refused; /* the whole file is: nothing more of it is read */
    int64_t row;
    int64_t bytes;     /* read so far */
    struct span piece; /* of the file, not yet in the window */
    bool is_last;
    struct text_window window;
    struct csv_reader csv;
    struct json_lines lines;
    char room[TEXT_PIECE_MAX];
};

static void reading_free(struct reading **slot)
{
    struct reading *reading = *slot;
    *slot = NULL;
    if (reading == NULL)
        return;
    if (reading->handle >= 0)
        (void)close(reading->handle);
    feed_judge_free(&reading->judge);
    free(reading);
}

/* ---- the file --------------------------------------------------------------------------- */

static enum status cannot_read(const char *path, int code, struct error *error)
{
    (void)error_set(error, STATUS_REJECT, "cannot read %.300s: %s", path, strerror(code));
    return error_exit(error, EXIT_DATA);
}

enum status import_file_find(const char *path, struct import_file *file_out,
                             struct error *error)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return cannot_read(path, errno, error);
    if (!S_ISREG(about.st_mode)) {
        (void)error_set(error, STATUS_REJECT,
                        "%.300s is no regular file; a feed is read more than once, so "
                        "write it to a file first",
                        path);
        return error_exit(error, EXIT_DATA);
    }
    const char *slash = strrchr(path, '/');
    *file_out = (struct import_file){
        .path = path,
        .feed = span_from(slash != NULL ? slash + 1 : path),
        .size = about.st_size,
        .written_us = about.st_mtim.tv_sec * US_PER_SECOND + about.st_mtim.tv_nsec / 1000,
    };
    return STATUS_OK;
}

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path);
    size_t wanted = strlen(end);
    return length >= wanted && strcasecmp(path + length - wanted, end) == 0;
}

static bool is_json_file(enum feed_format format, const char *path)
{
    static const char *const ENDS[] = {".jsonl", ".ndjson", ".json"};
    for (size_t at = 0; at < COUNT_OF(ENDS) && format == FEED_BY_NAME; at++)
        if (ends_with(path, ENDS[at]))
            return true;
    return format == FEED_JSON_LINES;
}

/* The next piece of the file into the window. */
static enum status read_piece(struct reading *reading, struct error *error)
{
    if (reading->piece.length == 0 && !reading->is_last) {
        ssize_t got;
        do
            got = read(reading->handle, reading->room, sizeof(reading->room));
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return cannot_read(reading->file->path, errno, error);
        reading->is_last = got == 0;
        reading->bytes += got;
        reading->piece = (struct span){reading->room, (size_t)got};
    }
    text_window_add(&reading->window, &reading->piece, reading->is_last);
    return STATUS_OK;
}

/* ---- records ---------------------------------------------------------------------------------- */

static enum status tell_fault(struct reading *reading, struct import_fault *fault,
                              struct error *error)
{
    fault->file = reading->file;
    fault->row = reading->row;
    return reading->visitor->bad(reading->visitor->self, fault, error);
}

static enum status judge_row(struct reading *reading, const struct feed_row *row,
                             struct import_fault *fault, struct error *error)
{
    char detail[FEED_DETAIL_MAX];
    struct feed_event event;
    fault->detail = detail;
    fault->reason = feed_judge_row(reading->judge, row, &event, detail);
    if (fault->reason != FEED_REASON_NONE)
        return tell_fault(reading, fault, error);
    return reading->visitor->good(reading->visitor->self, &event, row->number, error);
}

/* The header, or what there is instead of one. */
static enum status take_header(struct reading *reading, const struct csv_record *record,
                               struct error *error)
{
    char detail[FEED_DETAIL_MAX];
    struct import_fault fault = {.line = record->line, .raw = record->raw};
    fault.detail = detail;
    fault.reason = feed_judge_header(reading->judge, record, detail);
    reading->has_header = true;
    reading->csv.columns = record->field_count;
    reading->is_refused = fault.reason != FEED_REASON_NONE;
    return reading->is_refused ? tell_fault(reading, &fault, error) : STATUS_OK;
}

static enum status take_csv(struct reading *reading, const struct csv_record *record,
                            struct error *error)
{
    struct import_fault fault = {.line = record->line, .raw = record->raw};
    bool names_columns = reading->context->mapping->has_header;
    if (!reading->has_header && (names_columns || record->fault == CSV_FINE)) {
        enum status status = take_header(reading, record, error);
        if (status != STATUS_OK || reading->is_refused || names_columns)
            return status;
    }
    const struct feed_row row = {.number = ++reading->row,
                                 .record = record,
                                 .wants_value = reading->visitor->wants_values};
    return judge_row(reading, &row, &fault, error);
}

static enum status take_line(struct reading *reading, const struct json_line *line,
                             struct error *error)
{
    struct import_fault fault = {.line = line->line, .raw = line->text};
    const struct feed_row row = {.number = ++reading->row,
                                 .line = line->text,
                                 .wants_value = reading->visitor->wants_values};
    return judge_row(reading, &row, &fault, error);
}

static enum status take_next(struct reading *reading, enum text_step *step_out,
                             struct error *error)
{
    struct csv_record record = {0};
    struct json_line line = {0};
    if (reading->is_json)
        *step_out = json_lines_next(&reading->lines, &reading->window, &line);
    else
        *step_out = csv_reader_next(&reading->csv, &reading->window, &record);
    if (*step_out != TEXT_STEP_RECORD)
        return STATUS_OK;
    return reading->is_json ? take_line(reading, &line, error)
                            : take_csv(reading, &record, error);
}

static enum status read_records(struct reading *reading, struct error *error)
{
    const struct import_visitor *visitor = reading->visitor;
    enum text_step step = TEXT_STEP_MORE;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && step != TEXT_STEP_END && !reading->is_refused) {
        status = take_next(reading, &step, error);
        if (status != STATUS_OK || step != TEXT_STEP_MORE)
            continue;
        if (visitor->pause != NULL)
            status = visitor->pause(visitor->self, reading->bytes, error);
        if (status == STATUS_OK)
            status = read_piece(reading, error);
    }
    return status;
}

/* A file that was cut off to nothing must not pass for a feed without rows. */
static enum status check_header_came(struct reading *reading, struct error *error)
{
    struct import_fault fault = {
        .line = 1, .reason = FEED_REASON_NO_HEADER, .detail = ""};
    if (reading->is_json || reading->has_header || !reading->context->mapping->has_header)
        return STATUS_OK;
    return tell_fault(reading, &fault, error);
}

static struct reading *reading_new(const struct import_context *context,
                                   const struct import_file *file)
{
    SCOPED(reading_free) struct reading *reading = calloc(1, sizeof(*reading));
    const struct feed_options options = {.contract = context->contract,
                                         .mapping = context->mapping,
                                         .feed = file->feed,
                                         .file_time_us = file->written_us,
                                         .now_us = context->now_us};
    if (reading == NULL)
        return NULL;
    reading->handle = -1;
    reading->context = context;
    reading->file = file;
    reading->piece = SPAN_OF("");
    reading->is_json = is_json_file(context->mapping->format, file->path);
    text_window_init(&reading->window, context->mapping->encoding);
    csv_reader_init(&reading->csv, &context->mapping->dialect);
    reading->judge = feed_judge_new(&options);
    return reading->judge != NULL ? TAKE(reading) : NULL;
}

enum status import_read(const struct import_context *context,
                        const struct import_file *file,
                        const struct import_visitor *visitor, struct error *error)
{
    SCOPED(reading_free) struct reading *reading = reading_new(context, file);
    if (reading == NULL)
        return error_set(error, STATUS_FATAL, "import: out of memory");
    reading->visitor = visitor;
    reading->handle = open(file->path, O_RDONLY | O_CLOEXEC);
    if (reading->handle < 0)
        return cannot_read(file->path, errno, error);
    enum status status = read_records(reading, error);
    return status == STATUS_OK ? check_header_came(reading, error) : status;
}
