/*
 * The checking half of store_seal.h: the chain of seals, the parts that each adds up, and
 * the pages that are still there against their parts.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_seal.h"

#include <inttypes.h>

#define OFFENDER_BYTES_MAX ((size_t)16 * 1024)
#define EPOCH "date '1970-01-01'"

static const struct statement SEALS = {
    "seal_all",
    "SELECT first_day - " EPOCH ", last_day - " EPOCH ", pages, entries, digest,"
    " previous, seal FROM ledger_seals ORDER BY first_day"};

static const struct statement PARTS = {
    "seal_parts", "SELECT day - " EPOCH ", topic, partition, pages, entries, stretches,"
                  " digest FROM ledger_seal_parts"
                  " ORDER BY day, topic COLLATE \"C\", partition"};

/* The first day of which pages are as they were sealed: behind those that retention has
 * dropped, and from the day on which a promotion put others in the place of them all. */
static const struct statement KEPT = {
    "seal_kept",
    "SELECT greatest((SELECT max(day) + 1 FROM ledger_retired),"
    " (SELECT max((promoted_at AT TIME ZONE 'UTC')::date) FROM replay_promotions))"
    " - " EPOCH};

struct checking {
    const struct seal_visitor *visitor;
    struct digest *digest;      /* of single digests */
    struct digest *span_digest; /* of the span whose parts pass by */
    struct rows seals;
    struct rows parts;
    struct buf text;
    int found[2]; /* offenders of the chain, and of the pages */
    int seal;     /* row of the span whose parts pass by */
    int64_t pages;
    int64_t entries;
    int part;         /* row of parts that the pages have reached */
    int32_t kept_day; /* from here on pages are there */
};

/* ---- naming ------------------------------------------------------------------------------- */

/* What stands in the text, as an offender. */
static enum status name(struct checking *checking, bool is_chain, struct error *error)
{
    struct span offender = buf_view(&checking->text);
    if (checking->text.failed)
        return error_set(error, STATUS_FATAL, "seal: out of memory");
    if (checking->found[is_chain ? 0 : 1]++ >= checking->visitor->max)
        return STATUS_OK;
    return checking->visitor->each(checking->visitor->self, is_chain, offender, error);
}

static void begin_text(struct checking *checking, int row)
{
    char first[SEAL_DATE_MAX];
    char last[SEAL_DATE_MAX];
    seal_date((int32_t)rows_int(&checking->seals, row, 0), first);
    seal_date((int32_t)rows_int(&checking->seals, row, 1), last);
    buf_clear(&checking->text);
    buf_format(&checking->text, "week %s to %s: ", first, last);
}

/* ---- the chain ---------------------------------------------------------------------------- */

static struct seal seal_of(const struct rows *rows, int row)
{
    return (struct seal){.span = {.first_day = (int32_t)rows_int(rows, row, 0),
                                  .last_day = (int32_t)rows_int(rows, row, 1)},
                         .pages = rows_int(rows, row, 2),
                         .entries = rows_int(rows, row, 3),
                         .digest = rows_span(rows, row, 4),
                         .previous = rows_span(rows, row, 5)};
}

static enum status check_seal(struct checking *checking, int row, struct error *error)
{
    const struct rows *rows = &checking->seals;
    const struct seal seal = seal_of(rows, row);
    char hex[SEAL_HEX_MAX];
    struct span before = row > 0 ? rows_span(rows, row - 1, 6) : SPAN_OF("");
    seal_digest(checking->digest, &seal, hex);
    begin_text(checking, row);
    if (!span_is(rows_span(rows, row, 6), hex))
        buf_text(&checking->text, "its seal is not that of its columns");
    else if (!span_equal(seal.previous, before))
        buf_text(&checking->text, "it does not follow the seal before it");
    else if (row > 0 && seal.span.first_day != rows_int(rows, row - 1, 1) + 1)
        buf_text(&checking->text, "a seal is missing before it");
    else
        return STATUS_OK;
    return name(checking, true, error);
}

static enum status check_chain(struct checking *checking, struct error *error)
{
    enum status status = STATUS_OK;
    for (int row = 0; row < checking->seals.count && status == STATUS_OK; row++)
        status = check_seal(checking, row, error);
    return status;
}

/* ---- the parts ---------------------------------------------------------------------------- */

static struct seal_part part_of(const struct rows *rows, int row)
{
    struct seal_part part = {.day = (int32_t)rows_int(rows, row, 0),
                             .topic = rows_span(rows, row, 1),
                             .partition = (int32_t)rows_int(rows, row, 2),
                             .pages = rows_int(rows, row, 3),
                             .entries = rows_int(rows, row, 4),
                             .stretches = rows_span(rows, row, 5)};
    struct span digest = rows_span(rows, row, 6);
    size_t length = digest.length < SEAL_HEX_MAX - 1 ? digest.length : SEAL_HEX_MAX - 1;
    memcpy(part.digest, digest.bytes, length);
    return part;
}

/* The parts of one seal have passed: do they add up to it? */
static enum status end_span(struct checking *checking, struct error *error)
{
    const struct seal seal = seal_of(&checking->seals, checking->seal);
    char hex[SEAL_HEX_MAX];
    digest_end_hex(checking->span_digest, DIGEST_BYTES, hex);
    bool adds_up = checking->pages == seal.pages && checking->entries == seal.entries &&
                   span_is(seal.digest, hex);
    begin_text(checking, checking->seal);
    checking->seal++;
    checking->pages = 0;
    checking->entries = 0;
    digest_begin(checking->span_digest);
    if (adds_up)
        return STATUS_OK;
    buf_text(&checking->text, "its days do not add up to it");
    return name(checking, true, error);
}

static bool is_past(const struct checking *checking, int32_t day)
{
    return checking->seal < checking->seals.count &&
           day > rows_int(&checking->seals, checking->seal, 1);
}

static enum status check_part(struct checking *checking, int row, struct error *error)
{
    const struct seal_part part = part_of(&checking->parts, row);
    char hex[SEAL_HEX_MAX];
    char day[SEAL_DATE_MAX];
    enum status status = STATUS_OK;
    while (status == STATUS_OK && is_past(checking, part.day))
        status = end_span(checking, error);
    if (status != STATUS_OK)
        return status;
    seal_part_digest(checking->digest, &part, hex);
    bool is_sealed = checking->seal < checking->seals.count;
    if (is_sealed) {
        seal_span_add(checking->span_digest, &part);
        checking->pages += part.pages;
        checking->entries += part.entries;
    }
    if (is_sealed && strcmp(hex, part.digest) == 0)
        return STATUS_OK;
    seal_date(part.day, day);
    buf_clear(&checking->text);
    buf_format(&checking->text, "day %s, partition %" PRId32 " of %.*s: %s", day,
               part.partition, SPAN_ARGS(part.topic),
               is_sealed ? "its digest is not that of its stretches" : "no seal has it");
    return name(checking, true, error);
}

static enum status check_parts(struct checking *checking, struct error *error)
{
    enum status status = STATUS_OK;
    digest_begin(checking->span_digest);
    for (int row = 0; row < checking->parts.count && status == STATUS_OK; row++)
        status = check_part(checking, row, error);
    while (status == STATUS_OK && checking->seal < checking->seals.count)
        status = end_span(checking, error);
    return status;
}

/* ---- the pages ---------------------------------------------------------------------------- */

static int compare_parts(const struct seal_part *one, const struct seal_part *other)
{
    if (one->day != other->day)
        return one->day < other->day ? -1 : 1;
    int order = span_compare(one->topic, other->topic);
    if (order != 0 || one->partition == other->partition)
        return order;
    return one->partition < other->partition ? -1 : 1;
}

/* The page of days that a person looks for: the week, the day and the offsets. */
static enum status name_pages(struct checking *checking, const struct seal_part *part,
                              struct span sealed, struct error *error)
{
    char day[SEAL_DATE_MAX];
    int64_t from = 0;
    int64_t until = 0;
    int row = 0;
    while (row < checking->seals.count && rows_int(&checking->seals, row, 1) < part->day)
        row++;
    if (row < checking->seals.count)
        begin_text(checking, row);
    else
        buf_clear(&checking->text);
    seal_date(part->day, day);
    (void)seal_stretches_differ(sealed, part->stretches, &from, &until);
    buf_format(&checking->text,
               "day %s, partition %" PRId32 " of %.*s: pages with offsets from %" PRId64
               " to %" PRId64 " are not those that were sealed",
               day, part->partition, SPAN_ARGS(part->topic), from, until - 1);
    return name(checking, false, error);
}

/* Sealed parts that come before the one that was added up: all their pages are gone. */
static enum status name_gone(struct checking *checking, const struct seal_part *until,
                             struct error *error)
{
    enum status status = STATUS_OK;
    for (; status == STATUS_OK && checking->part < checking->parts.count;
         checking->part++) {
        const struct seal_part sealed = part_of(&checking->parts, checking->part);
        struct seal_part empty = sealed;
        if (until != NULL && compare_parts(&sealed, until) >= 0)
            break;
        empty.stretches = SPAN_OF("");
        if (sealed.day >= checking->kept_day)
            status = name_pages(checking, &empty, sealed.stretches, error);
    }
    return status;
}

static enum status compare_part(void *self, const struct seal_part *part,
                                struct error *error)
{
    struct checking *checking = self;
    enum status status = name_gone(checking, part, error);
    if (status != STATUS_OK)
        return status;
    struct seal_part sealed = {.stretches = SPAN_OF("")};
    if (checking->part < checking->parts.count)
        sealed = part_of(&checking->parts, checking->part);
    if (checking->part >= checking->parts.count || compare_parts(&sealed, part) != 0)
        return name_pages(checking, part, SPAN_OF(""), error);
    checking->part++;
    if (span_equal(sealed.stretches, part->stretches))
        return STATUS_OK;
    return name_pages(checking, part, sealed.stretches, error);
}

static enum status check_pages(struct checking *checking, struct postgres *postgres,
                               struct error *error)
{
    const struct seal_part_visitor visitor = {.each = compare_part, .self = checking};
    const struct rows *seals = &checking->seals;
    struct seal_span span = {.first_day = (int32_t)rows_int(seals, 0, 0),
                             .last_day = (int32_t)rows_int(seals, seals->count - 1, 1)};
    if (span.first_day < checking->kept_day)
        span.first_day = checking->kept_day;
    if (span.first_day > span.last_day)
        return STATUS_OK;
    enum status status = store_seal_pages(postgres, &span, &visitor, error);
    return status == STATUS_OK ? name_gone(checking, NULL, error) : status;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static enum status read_seals(struct checking *checking, struct postgres *postgres,
                              struct error *error)
{
    SCOPED(rows_release) struct rows kept = {0};
    enum status status = postgres_query(postgres, &SEALS, NULL, &checking->seals, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &PARTS, NULL, &checking->parts, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &KEPT, NULL, &kept, error);
    if (status == STATUS_OK && !rows_is_null(&kept, 0, 0))
        checking->kept_day = (int32_t)rows_int(&kept, 0, 0);
    return status;
}

static void conclude(const struct checking *checking, struct seal_checked *checked)
{
    const struct rows *seals = &checking->seals;
    *checked = (struct seal_checked){.seals = seals->count};
    if (seals->count == 0)
        return;
    struct span head = rows_span(seals, seals->count - 1, 6);
    size_t length = head.length < SEAL_HEX_MAX - 1 ? head.length : SEAL_HEX_MAX - 1;
    checked->last_day = (int32_t)rows_int(seals, seals->count - 1, 1);
    memcpy(checked->head, head.bytes, length);
}

static enum status check_all(struct checking *checking, struct postgres *postgres,
                             struct error *error)
{
    enum status status = read_seals(checking, postgres, error);
    if (status == STATUS_OK)
        status = check_chain(checking, error);
    if (status == STATUS_OK)
        status = check_parts(checking, error);
    if (status == STATUS_OK && checking->seals.count > 0)
        status = check_pages(checking, postgres, error);
    return status;
}

enum status store_seal_check(struct postgres *postgres,
                             const struct seal_visitor *visitor,
                             struct seal_checked *checked_out, struct error *error)
{
    SCOPED(digest_free) struct digest *digest = digest_new();
    SCOPED(digest_free) struct digest *span_digest = digest_new();
    struct checking checking = {
        .visitor = visitor, .digest = digest, .span_digest = span_digest};
    *checked_out = (struct seal_checked){0};
    if (digest == NULL || span_digest == NULL)
        return error_set(error, STATUS_FATAL, "seal: out of memory");
    buf_init(&checking.text, OFFENDER_BYTES_MAX);
    enum status status = check_all(&checking, postgres, error);
    if (status == STATUS_OK)
        conclude(&checking, checked_out);
    buf_free(&checking.text);
    rows_release(&checking.seals);
    rows_release(&checking.parts);
    return status;
}
