#include "common/codec/csv_reader.h"

#include "common/base/check.h"

const char *csv_fault_text(enum csv_fault fault)
{
    static const char *const TEXTS[CSV_FAULT_COUNT] = {
        [CSV_FINE] = "nothing",
        [CSV_AFTER_QUOTE] = "text between a closing quote and the delimiter",
        [CSV_OPEN_QUOTE] = "a quote that is never closed",
        [CSV_STRAY_CR] = "a carriage return outside quotes that ends no line",
        [CSV_COLUMNS] = "another number of columns than the header",
        [CSV_TOO_MANY_FIELDS] = "more than 1024 columns",
        [CSV_TOO_LONG] = "a record of more than 128 KiB",
    };
    ASSERT((size_t)fault < CSV_FAULT_COUNT);
    return TEXTS[fault];
}

void csv_reader_init(struct csv_reader *reader, const struct csv_dialect *dialect)
{
    reader->dialect = *dialect;
    reader->columns = 0;
    reader->skipping = false;
    reader->field_count = 0;
    memset(reader->stops, 0, sizeof(reader->stops));
    reader->stops[(unsigned char)dialect->delimiter] = 1;
    reader->stops['\n'] = 1;
    reader->stops['\r'] = 1;
}

/* ---- one record, from its first byte to the end of its line ---------------------------- */

/* What stands behind a field, or why it is none. */
enum behind {
    BEHIND_FIELD,  /* the delimiter: another field follows */
    BEHIND_RECORD, /* a line end, or the end of the text */
    BEHIND_MORE,   /* not known yet: the window ends here */
    BEHIND_FAULT,
};

struct scan {
    struct csv_reader *reader;
    const char *at;
    const char *end;
    char *scratch;
    bool ended; /* no bytes come after `end` */
    int64_t line_ends;
    enum csv_fault fault;
};

static enum behind broken(struct scan *scan, enum csv_fault fault)
{
    scan->fault = fault;
    return BEHIND_FAULT;
}

/* At a byte that follows a field. `otherwise`: the fault where it may not follow one. */
static enum behind take_behind(struct scan *scan, enum csv_fault otherwise)
{
    if (scan->at == scan->end)
        return scan->ended ? BEHIND_RECORD : BEHIND_MORE;
    char byte = *scan->at;
    if (byte == scan->reader->dialect.delimiter) {
        scan->at++;
        return BEHIND_FIELD;
    }
    if (byte == '\n') {
        scan->at++;
        scan->line_ends++;
        return BEHIND_RECORD;
    }
    if (byte != '\r')
        return broken(scan, otherwise);
    if (scan->end - scan->at < 2) {
        if (!scan->ended)
            return BEHIND_MORE;
        scan->at++; /* half a line end, cut off with the text: nothing is missing */
        return BEHIND_RECORD;
    }
    if (scan->at[1] != '\n')
        return broken(scan, CSV_STRAY_CR);
    scan->at += 2;
    scan->line_ends++;
    return BEHIND_RECORD;
}

static enum behind take_plain(struct scan *scan, struct span *field_out)
{
    const unsigned char *stops = scan->reader->stops;
    const char *start = scan->at;
    while (scan->at < scan->end && stops[(unsigned char)*scan->at] == 0)
        scan->at++;
    *field_out = (struct span){start, (size_t)(scan->at - start)};
    return take_behind(scan, CSV_AFTER_QUOTE);
}

static void count_line_ends(struct scan *scan, const char *from, const char *to)
{
    while (from < to) {
        const char *found = memchr(from, '\n', (size_t)(to - from));
        if (found == NULL)
            return;
        scan->line_ends++;
        from = found + 1;
    }
}

static void keep_piece(struct scan *scan, const char *from, const char *to)
{
    size_t length = (size_t)(to - from);
    memcpy(scan->scratch, from, length);
    scan->scratch += length;
}

/* The next quote; NULL and the cause where the window has none. */
static const char *find_quote(struct scan *scan, enum behind *behind_out)
{
    const char *from = scan->at;
    const char *found = NULL;
    if (from < scan->end)
        found = memchr(from, scan->reader->dialect.quote, (size_t)(scan->end - from));
    if (found == NULL)
        *behind_out = scan->ended ? broken(scan, CSV_OPEN_QUOTE) : BEHIND_MORE;
    else
        count_line_ends(scan, from, found);
    return found;
}

/* Behind the opening quote. A field without doubled quotes is a view of the text. */
static enum behind take_quoted(struct scan *scan, struct span *field_out)
{
    const char quote = scan->reader->dialect.quote;
    const char *start = ++scan->at;
    const char *piece = start;
    char *copy = scan->scratch;
    for (;;) {
        enum behind behind = BEHIND_FAULT;
        const char *found = find_quote(scan, &behind);
        if (found == NULL)
            return behind;
        scan->at = found + 1;
        if (scan->at == scan->end && !scan->ended)
            return BEHIND_MORE; /* it may be the first of two */
        if (scan->at < scan->end && *scan->at == quote) {
            scan->at++;
            keep_piece(scan, piece, found + 1);
            piece = scan->at;
            continue;
        }
        *field_out = (struct span){start, (size_t)(found - start)};
        if (piece != start) {
            keep_piece(scan, piece, found);
            *field_out = (struct span){copy, (size_t)(scan->scratch - copy)};
        }
        return take_behind(scan, CSV_AFTER_QUOTE);
    }
}

static enum behind take_field(struct scan *scan, struct span *field_out)
{
    char quote = scan->reader->dialect.quote;
    if (quote != 0 && scan->at < scan->end && *scan->at == quote)
        return take_quoted(scan, field_out);
    return take_plain(scan, field_out);
}

static enum behind take_fields(struct scan *scan)
{
    struct csv_reader *reader = scan->reader;
    enum behind behind = BEHIND_FIELD;
    reader->field_count = 0;
    while (behind == BEHIND_FIELD) {
        struct span field = {0};
        if (reader->field_count == CSV_FIELDS_MAX)
            return broken(scan, CSV_TOO_MANY_FIELDS);
        behind = take_field(scan, &field);
        if (behind == BEHIND_FIELD || behind == BEHIND_RECORD)
            reader->fields[reader->field_count++] = field;
    }
    return behind;
}

/* ---- records off the window --------------------------------------------------------------- */

static enum text_step give(struct csv_reader *reader, struct csv_record *record,
                           enum csv_fault fault)
{
    record->fault = fault;
    record->fields = reader->fields;
    record->field_count = reader->field_count;
    return TEXT_STEP_RECORD;
}

/* The record is what stands on its first physical line. */
static enum text_step give_line(struct csv_reader *reader, struct text_window *window,
                                struct csv_record *record, enum csv_fault fault)
{
    struct span view = text_window_view(window);
    size_t length = text_window_line(window);
    record->line = window->line;
    if (length == 0 && view.length <= TEXT_RECORD_MAX)
        return TEXT_STEP_MORE;
    if (length == 0) {
        reader->skipping = true;
        reader->field_count = 0;
        record->raw = (struct span){view.bytes, TEXT_RECORD_MAX};
        text_window_take(window, view.length, 0);
        return give(reader, record, CSV_TOO_LONG);
    }
    record->raw = text_line_content((struct span){view.bytes, length});
    text_window_take(window, length, 1);
    return give(reader, record, fault);
}

/* A record that is longer than may be: the quote that is open is at fault, or else the line. */
static enum text_step give_long(struct csv_reader *reader, struct text_window *window,
                                struct csv_record *record)
{
    enum csv_fault fault = CSV_OPEN_QUOTE;
    if (text_window_line(window) == 0 || text_window_line(window) > TEXT_RECORD_MAX)
        fault = CSV_TOO_LONG;
    return give_line(reader, window, record, fault);
}

static enum text_step give_whole(struct csv_reader *reader, struct text_window *window,
                                 struct csv_record *record, const struct scan *scan)
{
    struct span view = text_window_view(window);
    size_t length = (size_t)(scan->at - view.bytes);
    enum csv_fault fault = CSV_FINE;
    if (length > TEXT_RECORD_MAX)
        return give_long(reader, window, record);
    if (reader->columns != 0 && reader->field_count != reader->columns)
        fault = CSV_COLUMNS;
    if (fault != CSV_FINE && scan->line_ends > 1)
        return give_line(reader, window, record, fault);
    record->line = window->line;
    record->raw = text_line_content((struct span){view.bytes, length});
    text_window_take(window, length, scan->line_ends);
    return give(reader, record, fault);
}

static enum text_step take_record(struct csv_reader *reader, struct text_window *window,
                                  struct csv_record *record)
{
    struct span view = text_window_view(window);
    struct scan scan = {.reader = reader,
                        .at = view.bytes,
                        .end = view.bytes + view.length,
                        .scratch = reader->scratch,
                        .ended = window->ended};
    switch (take_fields(&scan)) {
    case BEHIND_RECORD:
        return give_whole(reader, window, record, &scan);
    case BEHIND_FAULT:
        return give_line(reader, window, record, scan.fault);
    case BEHIND_MORE:
        if (view.length > TEXT_RECORD_MAX)
            return give_long(reader, window, record);
        return TEXT_STEP_MORE;
    case BEHIND_FIELD:
        break;
    }
    UNREACHABLE("a record ends, or why it does not is known");
}

/* The rest of a line that was too long. */
static bool skip_line(struct csv_reader *reader, struct text_window *window)
{
    size_t length = text_window_line(window);
    if (length > 0) {
        text_window_take(window, length, 1);
        reader->skipping = false;
        return true;
    }
    text_window_take(window, text_window_view(window).length, 0);
    return window->ended;
}

static void skip_blank_lines(struct text_window *window)
{
    for (;;) {
        struct span view = text_window_view(window);
        if (view.length >= 1 && view.bytes[0] == '\n')
            text_window_take(window, 1, 1);
        else if (view.length >= 2 && view.bytes[0] == '\r' && view.bytes[1] == '\n')
            text_window_take(window, 2, 1);
        else if (view.length == 1 && view.bytes[0] == '\r' && window->ended)
            text_window_take(window, 1, 0);
        else
            return;
    }
}

enum text_step csv_reader_next(struct csv_reader *reader, struct text_window *window,
                               struct csv_record *record_out)
{
    if (reader->skipping && !skip_line(reader, window))
        return TEXT_STEP_MORE;
    skip_blank_lines(window);
    if (text_window_view(window).length == 0)
        return window->ended ? TEXT_STEP_END : TEXT_STEP_MORE;
    return take_record(reader, window, record_out);
}
