#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/printable.h"
#include "common/codec/rfc3339.h"
#include "workers/dead_letters/letters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES_MAX ((size_t)1024 * 1024)
#define SOURCES_MAX 64
#define SOURCE_TEXT_MAX 100

/* A letter of the list, without its value. */
struct listed {
    struct letter letter; /* key, headers and value absent */
    struct letter_facts facts;
    bool is_retried;
};

/* Letters of one reason and source. */
struct tally {
    struct span reason;
    struct span source;
    int64_t letters;
    int64_t retried;
    int64_t first_ms;
    int64_t last_ms;
};

struct listing {
    struct letters *self;
    struct pool pool;
    struct listed *rows; /* LETTERS_MAX */
    size_t count;
    int64_t fitting; /* all, those that are left out too */
    int64_t left_out;
    struct tally tallies[SOURCES_MAX * REASON_COUNT];
    size_t tally_count;
};

/* ---- taking them in ------------------------------------------------------------------------ */

static struct span kept(struct listing *listing, struct span text, bool *failed)
{
    struct span copy = {0};
    if (text.bytes == NULL)
        return copy;
    copy = pool_span(&listing->pool, text);
    *failed = *failed || copy.bytes == NULL;
    return copy;
}

/* Where there are more sources than places, the last one counts for the rest. */
static struct tally *tally_of(struct listing *listing, const struct letter *letter,
                              struct span source)
{
    bool failed = false;
    if (source.length > SOURCE_TEXT_MAX)
        source.length = SOURCE_TEXT_MAX;
    for (size_t at = 0; at < listing->tally_count; at++)
        if (span_equal(listing->tallies[at].reason, letter->reason) &&
            span_equal(listing->tallies[at].source, source))
            return &listing->tallies[at];
    if (listing->tally_count == COUNT_OF(listing->tallies))
        return &listing->tallies[listing->tally_count - 1];
    struct tally *tally = &listing->tallies[listing->tally_count];
    *tally = (struct tally){.reason = kept(listing, letter->reason, &failed),
                            .source = kept(listing, source, &failed),
                            .first_ms = letter->timestamp_ms};
    if (failed)
        return NULL;
    listing->tally_count++;
    return tally;
}

static enum status add_tally(struct listing *listing, const struct letter *letter,
                             struct span source, struct error *error)
{
    struct tally *tally = tally_of(listing, letter, source);
    if (tally == NULL)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    tally->letters++;
    tally->retried += letters_is_retried(listing->self, letter) ? 1 : 0;
    if (letter->timestamp_ms < tally->first_ms)
        tally->first_ms = letter->timestamp_ms;
    if (letter->timestamp_ms > tally->last_ms)
        tally->last_ms = letter->timestamp_ms;
    return STATUS_OK;
}

static enum status keep(struct listing *listing, const struct letter *letter,
                        const struct letter_facts *facts, struct error *error)
{
    bool failed = false;
    struct listed *row = &listing->rows[listing->count];
    *row = (struct listed){.letter = *letter,
                           .facts = {.type = kept(listing, facts->type, &failed),
                                     .source = kept(listing, facts->source, &failed),
                                     .sku = kept(listing, facts->sku, &failed),
                                     .location = kept(listing, facts->location, &failed),
                                     .event_id = kept(listing, facts->event_id, &failed)},
                           .is_retried = letters_is_retried(listing->self, letter)};
    row->letter.value.bytes = NULL; /* its length stays */
    row->letter.headers = row->letter.received = (struct span){0};
    row->letter.key = kept(listing, letter->key, &failed);
    row->letter.reason = kept(listing, letter->reason, &failed);
    row->letter.message = kept(listing, letter->message, &failed);
    row->letter.topic = kept(listing, letter->topic, &failed);
    row->letter.retry_of = kept(listing, letter->retry_of, &failed);
    if (failed)
        return error_set(error, STATUS_FATAL,
                         "more letters fit than are kept in memory; narrow it, e.g. by "
                         "--since or --reason");
    listing->count++;
    return STATUS_OK;
}

static enum status take(void *self, const struct letter *letter,
                        const struct letter_facts *facts, struct error *error)
{
    struct listing *listing = self;
    const struct letters_flags *flags = listing->self->flags;
    enum status status = add_tally(listing, letter, facts->source, error);
    if (status != STATUS_OK)
        return status;
    listing->fitting++;
    if (!flags->all && letters_is_retried(listing->self, letter)) {
        listing->left_out++;
        return STATUS_OK;
    }
    if (flags->stats || listing->count == LETTERS_MAX)
        return STATUS_OK;
    return keep(listing, letter, facts, error);
}

static int newest_first(const void *left, const void *right)
{
    const struct letter *a = &((const struct listed *)left)->letter;
    const struct letter *b = &((const struct listed *)right)->letter;
    if (a->timestamp_ms != b->timestamp_ms)
        return a->timestamp_ms > b->timestamp_ms ? -1 : 1;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return (a->offset < b->offset) - (a->offset > b->offset);
}

static int most_first(const void *left, const void *right)
{
    const struct tally *a = left;
    const struct tally *b = right;
    if (a->letters != b->letters)
        return a->letters > b->letters ? -1 : 1;
    int order = span_compare(a->reason, b->reason);
    return order != 0 ? order : span_compare(a->source, b->source);
}

/* ---- JSON ------------------------------------------------------------------------------------- */

void letters_json_members(const struct letters *self, const struct letter *letter,
                          const struct letter_facts *facts, struct buf *out)
{
    char place[48];
    (void)snprintf(place, sizeof(place), "%" PRId32 ":%" PRId64, letter->partition,
                   letter->offset);
    json_member_text(out, "letter", span_from(place));
    json_member_number(out, "partition", letter->partition);
    json_member_number(out, "offset", letter->offset);
    json_member_time(out, "at", letter->timestamp_ms * 1000);
    json_member_text_lossy(out, "reason", letter->reason);
    json_member_text_lossy(out, "message", letter->message);
    json_member_text(out, "remedy", span_from(letters_remedy(letter->reason)));
    json_member_text_lossy(out, "topic", letter->topic);
    json_member_number(out, "topic_partition", letter->origin_partition);
    json_member_number(out, "topic_offset", letter->origin_offset);
    json_member_text_lossy(out, "type", facts->type);
    json_member_text_lossy(out, "source", facts->source);
    json_member_text_lossy(out, "sku", facts->sku);
    json_member_text_lossy(out, "location", facts->location);
    json_member_text_lossy(out, "event_id", facts->event_id);
    json_member_text_lossy(out, "key", letter->key);
    json_member_text_lossy(out, "retry_of", letter->retry_of);
    json_member_number(out, "bytes", (int64_t)letter->value.length);
    json_name(out, "retried");
    buf_text(out, self->postgres == NULL             ? "null"
                  : letters_is_retried(self, letter) ? "true"
                                                     : "false");
}

static enum status print_object(const struct letters *self, struct buf *line, bool *first,
                                struct error *error)
{
    buf_byte(line, '}');
    if (line->failed)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    printf("%s%s\n", self->output == OUTPUT_JSON && !*first ? "," : "", line->bytes);
    *first = false;
    return STATUS_OK;
}

static enum status print_json(const struct listing *listing, size_t shown,
                              struct error *error)
{
    SCOPED(buf_free) struct buf line = {0};
    enum status status = STATUS_OK;
    bool first = true;
    buf_init(&line, LINE_BYTES_MAX);
    for (size_t at = 0; at < shown && status == STATUS_OK; at++) {
        buf_clear(&line);
        buf_byte(&line, '{');
        letters_json_members(listing->self, &listing->rows[at].letter,
                             &listing->rows[at].facts, &line);
        status = print_object(listing->self, &line, &first, error);
    }
    return status;
}

static enum status print_stats_json(const struct listing *listing, struct error *error)
{
    SCOPED(buf_free) struct buf line = {0};
    enum status status = STATUS_OK;
    bool first = true;
    buf_init(&line, LINE_BYTES_MAX);
    for (size_t at = 0; at < listing->tally_count && status == STATUS_OK; at++) {
        const struct tally *tally = &listing->tallies[at];
        buf_clear(&line);
        buf_byte(&line, '{');
        json_member_text_lossy(&line, "reason", tally->reason);
        json_member_text_lossy(&line, "source", tally->source);
        json_member_number(&line, "letters", tally->letters);
        json_member_number(&line, "retried", tally->retried);
        json_member_time(&line, "first_at", tally->first_ms * 1000);
        json_member_time(&line, "last_at", tally->last_ms * 1000);
        json_member_text(&line, "remedy", span_from(letters_remedy(tally->reason)));
        status = print_object(listing->self, &line, &first, error);
    }
    return status;
}

/* ---- table ------------------------------------------------------------------------------------- */

/* "2026-11-25 12:00", in UTC. */
static void time_text(int64_t ms, char room[RFC3339_TEXT_MAX])
{
    rfc3339_format(ms * 1000, room);
    room[10] = ' ';
    room[16] = '\0';
}

/* A cell of `width` characters, and a space behind it. */
static void add_cell(struct buf *line, struct span text, size_t width)
{
    size_t before = line->length;
    size_t shown = 0;
    printable_add(line, text.bytes != NULL ? text : SPAN_OF("-"), width);
    for (size_t at = before; at < line->length; at++)
        shown += ((unsigned char)line->bytes[at] & 0xc0) != 0x80 ? 1 : 0;
    for (; shown < width; shown++)
        buf_byte(line, ' ');
    buf_byte(line, ' ');
}

static void print_row(const struct listed *row, struct buf *line)
{
    char place[48];
    char at[RFC3339_TEXT_MAX];
    (void)snprintf(place, sizeof(place), "%" PRId32 ":%" PRId64, row->letter.partition,
                   row->letter.offset);
    time_text(row->letter.timestamp_ms, at);
    buf_clear(line);
    add_cell(line, span_from(place), 10);
    add_cell(line, span_from(at), 16);
    add_cell(line, row->letter.reason, 18);
    add_cell(line, row->facts.source, 10);
    add_cell(line, row->facts.sku, 20);
    if (row->is_retried)
        buf_text(line, "sent again");
    while (line->length > 0 && line->bytes[line->length - 1] == ' ')
        line->bytes[--line->length] = '\0';
    puts(line->failed ? "" : line->bytes);
}

static void print_stats(const struct listing *listing)
{
    SCOPED(buf_free) struct buf line = {0};
    buf_init(&line, LINE_BYTES_MAX);
    if (listing->tally_count > 0)
        printf("%-18s %-16s %8s %10s %-16s %s\n", "REASON", "SOURCE", "LETTERS",
               "SENT AGAIN", "LAST (UTC)", "REMEDY");
    for (size_t at = 0; at < listing->tally_count; at++) {
        const struct tally *tally = &listing->tallies[at];
        char last[RFC3339_TEXT_MAX];
        time_text(tally->last_ms, last);
        buf_clear(&line);
        add_cell(&line, tally->reason, 18);
        add_cell(&line, tally->source, 16);
        printf("%s%8" PRId64 " %10" PRId64 " %-16s %s\n", line.failed ? "" : line.bytes,
               tally->letters, tally->retried, last, letters_remedy(tally->reason));
    }
}

/* The commonest reasons in one line, so that nobody has to ask for --stats to see them. */
static void print_summary(const struct listing *listing, size_t shown)
{
    printf("%" PRId64 " letters fit", listing->fitting);
    if (listing->left_out > 0)
        printf("; %" PRId64 " were sent again and are left out (--all shows them)",
               listing->left_out);
    if ((int64_t)shown < listing->fitting - listing->left_out)
        printf("; the newest %zu are shown (--limit)", shown);
    puts(listing->self->postgres == NULL
             ? "; which were sent again is not known without the database"
             : "");
    if (listing->tally_count > 0)
        print_stats(listing);
}

static void print_table(const struct listing *listing, size_t shown)
{
    SCOPED(buf_free) struct buf line = {0};
    buf_init(&line, LINE_BYTES_MAX);
    if (listing->fitting == 0) {
        puts(letters_is_filtered(listing->self->flags) ? "no letter fits"
                                                       : "there are no dead letters");
        return;
    }
    if (shown > 0)
        printf("%-10s %-16s %-18s %-10s %-20s\n", "LETTER", "AT (UTC)", "REASON",
               "SOURCE", "SKU OR KEY");
    for (size_t at = 0; at < shown; at++)
        print_row(&listing->rows[at], &line);
    if (shown > 0)
        putchar('\n');
    print_summary(listing, shown);
}

/* ---- list --------------------------------------------------------------------------------------- */

static enum status print(struct listing *listing, struct error *error)
{
    const struct letters *self = listing->self;
    size_t limit = (size_t)self->flags->limit;
    size_t shown = listing->count < limit ? listing->count : limit;
    enum status status = STATUS_OK;
    if (listing->count > 0)
        qsort(listing->rows, listing->count, sizeof(*listing->rows), newest_first);
    if (listing->tally_count > 0)
        qsort(listing->tallies, listing->tally_count, sizeof(*listing->tallies),
              most_first);
    if (self->output == OUTPUT_TABLE) {
        print_table(listing, shown);
        return STATUS_OK;
    }
    if (self->output == OUTPUT_JSON)
        puts("[");
    status = self->flags->stats ? print_stats_json(listing, error)
                                : print_json(listing, shown, error);
    if (self->output == OUTPUT_JSON && status == STATUS_OK)
        puts("]");
    return status;
}

static void listing_free(struct listing **slot)
{
    struct listing *listing = TAKE(*slot);
    if (listing == NULL)
        return;
    free(listing->rows);
    pool_free(&listing->pool);
    free(listing);
}

enum status letters_list(struct letters *self, struct error *error)
{
    SCOPED(listing_free) struct listing *listing = calloc(1, sizeof(*listing));
    if (listing == NULL)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    listing->self = self;
    pool_init(&listing->pool, LETTERS_BYTES_MAX);
    listing->rows = calloc(LETTERS_MAX, sizeof(*listing->rows));
    if (listing->rows == NULL)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    const struct letters_visitor visitor = {.each = take, .self = listing};
    enum status status = letters_read(self, &visitor, error);
    return status == STATUS_OK ? print(listing, error) : status;
}
