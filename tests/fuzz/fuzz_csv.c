/*
 * The CSV reader on any bytes: pieces do not matter, lines only rise, no byte is in two
 * records, and what it takes for good is written again to the same fields.
 */
#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/codec/csv_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 1024

static const struct csv_dialect DIALECTS[] = {
    {.delimiter = ',', .quote = '"'},
    {.delimiter = ';', .quote = '\''},
    {.delimiter = '\t', .quote = 0},
};

static struct csv_reader reader;
static struct csv_reader again;
static struct text_window window;
static struct text_window copy;

/* The fields in quotes, each quote doubled: what any reader takes for the same record. */
static void write_record(const struct csv_record *record,
                         const struct csv_dialect *dialect, struct buf *out)
{
    for (size_t at = 0; at < record->field_count; at++) {
        if (at > 0)
            buf_byte(out, dialect->delimiter);
        buf_byte(out, dialect->quote);
        for (size_t byte = 0; byte < record->fields[at].length; byte++) {
            if (record->fields[at].bytes[byte] == dialect->quote)
                buf_byte(out, dialect->quote);
            buf_byte(out, record->fields[at].bytes[byte]);
        }
        buf_byte(out, dialect->quote);
    }
    buf_byte(out, '\n');
}

static void check_written(const struct csv_record *record,
                          const struct csv_dialect *dialect)
{
    static struct buf text;
    struct csv_record found;
    if (dialect->quote == 0)
        return;
    if (text.max == 0)
        buf_init(&text, (size_t)1 << 20);
    buf_clear(&text);
    write_record(record, dialect, &text);
    struct span given = buf_view(&text);
    text_window_init(&copy, TEXT_UTF_8);
    csv_reader_init(&again, dialect);
    copy.decoder.started = true; /* a mark at the front of a field is the field's */
    text_window_add(&copy, &given, true);
    ASSERT(csv_reader_next(&again, &copy, &found) == TEXT_STEP_RECORD);
    ASSERT(found.fault == CSV_FINE && found.field_count == record->field_count);
    for (size_t at = 0; at < found.field_count; at++)
        ASSERT(span_equal(found.fields[at], record->fields[at]));
    ASSERT(csv_reader_next(&again, &copy, &found) == TEXT_STEP_END);
}

static uint64_t mix(uint64_t sum, struct span bytes)
{
    sum = (sum ^ bytes.length) * 0x100000001b3U;
    for (size_t at = 0; at < bytes.length; at++)
        sum = (sum ^ (unsigned char)bytes.bytes[at]) * 0x100000001b3U;
    return sum;
}

/* What is being read, and what came of it so far. */
struct reading {
    const struct csv_dialect *dialect;
    struct span left;
    struct span given;
    size_t piece;
    bool is_whole; /* all in one piece */
    size_t columns;
    uint64_t sum; /* a digest of all records */
    int64_t line;
    size_t taken; /* bytes of all records */
};

static void add_piece(struct reading *reading)
{
    if (reading->given.length == 0) {
        size_t length =
            reading->left.length < reading->piece ? reading->left.length : reading->piece;
        reading->given = (struct span){reading->left.bytes, length};
        reading->left.bytes += length;
        reading->left.length -= length;
    }
    text_window_add(&window, &reading->given, reading->left.length == 0);
}

static void check_record(struct reading *reading, const struct csv_record *record)
{
    bool is_fine = record->fault == CSV_FINE;
    ASSERT(record->line > reading->line && window.line >= record->line);
    ASSERT(record->raw.length > 0 || !is_fine);
    ASSERT(!is_fine || reading->columns == 0 || record->field_count == reading->columns);
    reading->line = record->line;
    reading->taken += record->raw.length;
    reading->sum = mix(reading->sum ^ (uint64_t)record->line, record->raw);
    reading->sum += (uint64_t)record->fault;
    for (size_t at = 0; at < record->field_count && is_fine; at++)
        reading->sum = mix(reading->sum, record->fields[at]);
    if (is_fine && reading->is_whole)
        check_written(record, reading->dialect);
}

static uint64_t read_all(struct reading reading)
{
    struct csv_record record;
    size_t whole = reading.left.length;
    reading.given = SPAN_OF("");
    text_window_init(&window, TEXT_BY_MARK);
    csv_reader_init(&reader, reading.dialect);
    reader.columns = reading.columns;
    for (;;) {
        enum text_step step = csv_reader_next(&reader, &window, &record);
        if (step == TEXT_STEP_END)
            break;
        if (step == TEXT_STEP_MORE)
            add_piece(&reading);
        else
            check_record(&reading, &record);
    }
    ASSERT(window.decoder.encoding != TEXT_UTF_8 || reading.taken <= whole);
    return reading.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    struct reading reading = {.dialect = &DIALECTS[data[0] % COUNT_OF(DIALECTS)],
                              .columns = (data[0] >> 2) % 4,
                              .left = {(const char *)data + 2, size - 2},
                              .piece = INPUT_MAX,
                              .is_whole = true};
    uint64_t whole = read_all(reading);
    reading.is_whole = false;
    reading.piece = 1 + data[1] % 32;
    ASSERT(whole == read_all(reading));
    return 0;
}
