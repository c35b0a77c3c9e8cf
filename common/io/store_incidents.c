#include "common/io/store_incidents.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/incident_json.h"

#define EVIDENCE_BYTES_MAX ((size_t)64 * 1024)

/* What a sighting found takes the place of what was thought before; without a finding what
 * others noted stays. */
#define FOUND(column)                                                                    \
    column " = CASE WHEN excluded.root_cause IS NULL THEN incidents." column             \
           " ELSE excluded." column " END, "

/* Rows in one order for everybody: see the header. */
static const struct statement SEE = {
    "incidents_see",
    "INSERT INTO incidents (id, sku, problem, class, cause, severity, handoff, shop, "
    "location, remediation, runbook_url, evidence, root_cause, occurrences, opened_at, "
    "last_seen_at, changed_at, actor) SELECT id, sku, problem, class, cause, severity, "
    "handoff, shop, location, remediation, runbook_url, evidence::jsonb, root_cause, "
    "occurrences, clock_timestamp(), clock_timestamp(), clock_timestamp(), $14 "
    "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], "
    "$7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], "
    "$13::text[], $15::bigint[]) AS s (id, sku, problem, class, cause, severity, handoff, "
    "shop, location, remediation, runbook_url, evidence, root_cause, occurrences) "
    "ORDER BY problem COLLATE \"C\", sku COLLATE \"C\" "
    "ON CONFLICT (problem, sku) WHERE state <> 'resolved' DO UPDATE SET "
    "occurrences = incidents.occurrences + excluded.occurrences, "
    "last_seen_at = clock_timestamp(), " FOUND("cause") FOUND("severity")
        FOUND("remediation") FOUND(
            "root_cause") "evidence = incidents.evidence || (excluded.evidence - 'first') "
                          "RETURNING id, sku, problem, occurrences"};

/* The topic's members in one order, for statements that bring an incident. */
#define INCIDENT_COLUMNS                                                                 \
    "i.id, i.class, i.cause, i.root_cause, i.remediation, i.severity, i.shop, "          \
    "nullif(i.sku, ''), i.location, (i.evidence || jsonb_build_object('occurrences', "   \
    "i.occurrences))::text, i.runbook_url, i.handoff, i.opened_at, i.changed_at, "       \
    "i.actor, i.occurrences, i.revision"

static const struct statement TELL = {
    "incidents_tell",
    "WITH i AS (UPDATE incidents SET revision = revision + 1, actor = $3, changed_at = "
    "CASE WHEN revision = 0 THEN opened_at ELSE clock_timestamp() END "
    "FROM unnest($1::text[], $2::text[]) AS t (told_id, told_sku) "
    "WHERE id = told_id AND sku = told_sku RETURNING incidents.*), "
    "logged AS (INSERT INTO incident_log (incident_id, sku, revision, state, at, actor, "
    "occurrences, root_cause, remediation, evidence) SELECT id, sku, revision, "
    "CASE WHEN revision = 1 THEN 'opened' ELSE 'updated' END, changed_at, actor, "
    "occurrences, root_cause, remediation, evidence FROM i) "
    "SELECT " INCIDENT_COLUMNS " FROM i"};

static const struct statement RESOLVE = {
    "incidents_resolve",
    "WITH i AS (UPDATE incidents SET state = 'resolved', revision = revision + 1, "
    "actor = $4, changed_at = clock_timestamp(), "
    "evidence = evidence || jsonb_build_object('ended', ended) "
    "FROM unnest($1::text[], $2::text[], $3::text[]) AS t (over_id, over_sku, ended) "
    "WHERE id = over_id AND sku = over_sku AND state <> 'resolved' "
    "RETURNING incidents.*), "
    "logged AS (INSERT INTO incident_log (incident_id, sku, revision, state, at, actor, "
    "occurrences, root_cause, remediation, evidence, note) SELECT id, sku, revision, "
    "'resolved', changed_at, actor, occurrences, root_cause, remediation, evidence, "
    "evidence->>'ended' FROM i) "
    "SELECT " INCIDENT_COLUMNS " FROM i"};

static const struct statement LIST = {
    "incidents_list", "SELECT " INCIDENT_COLUMNS
                      ", i.state, i.last_seen_at, coalesce(nullif(i.sku, ''), i.shop, "
                      "i.evidence->>'source', '-') "
                      "FROM incidents i WHERE ($1 OR i.state <> 'resolved') "
                      "AND ($2::text IS NULL OR i.id = $2) "
                      "AND ($3::text IS NULL OR i.class = $3) "
                      "AND ($4::text IS NULL OR $4 IN (i.sku, "
                      "i.evidence#>>'{first,sku}', i.evidence#>>'{latest,sku}')) "
                      "ORDER BY i.opened_at DESC, i.id"};

static const struct statement LOG = {
    "incidents_log",
    "SELECT incident_id, state, at, actor, root_cause, remediation, "
    "(evidence || jsonb_build_object('occurrences', occurrences))::text, occurrences, "
    "revision, note FROM incident_log WHERE incident_id = $1 ORDER BY sku, revision"};

/* ---- rows to values ----------------------------------------------------------------------- */

static bool state_parse(struct span text, enum incident_state *state_out)
{
    for (int state = 0; state < INCIDENT_STATE_COUNT; state++) {
        if (!span_is(text, incident_state_name((enum incident_state)state)))
            continue;
        *state_out = (enum incident_state)state;
        return true;
    }
    return false;
}

static struct incident read_incident(const struct rows *rows, int row)
{
    return (struct incident){.id = rows_span(rows, row, 0),
                             .class = rows_span(rows, row, 1),
                             .cause = rows_span(rows, row, 2),
                             .root_cause = rows_span(rows, row, 3),
                             .remediation = rows_span(rows, row, 4),
                             .severity = rows_span(rows, row, 5),
                             .shop = rows_span(rows, row, 6),
                             .sku = rows_span(rows, row, 7),
                             .location = rows_span(rows, row, 8),
                             .evidence = rows_span(rows, row, 9),
                             .runbook_url = rows_span(rows, row, 10),
                             .handoff = rows_span(rows, row, 11),
                             .opened_at_us = rows_time(rows, row, 12),
                             .at_us = rows_time(rows, row, 13),
                             .actor = rows_span(rows, row, 14),
                             .occurrences = rows_int(rows, row, 15),
                             .revision = rows_int(rows, row, 16)};
}

/* Moves the incident's texts from the result into the pool; false: out of memory. */
static bool keep_texts(struct incident *incident, struct pool *pool)
{
    struct span *const texts[] = {
        &incident->id,         &incident->class,    &incident->cause,
        &incident->root_cause, &incident->severity, &incident->shop,
        &incident->sku,        &incident->location, &incident->evidence,
        &incident->handoff,    &incident->actor,    &incident->remediation,
        &incident->runbook_url};
    for (size_t at = 0; at < COUNT_OF(texts); at++) {
        if (texts[at]->bytes == NULL)
            continue;
        *texts[at] = pool_span(pool, *texts[at]);
        if (texts[at]->bytes == NULL)
            return false;
    }
    return true;
}

/* ---- seeing --------------------------------------------------------------------------------- */

enum see_column {
    SEE_ID,
    SEE_SKU,
    SEE_PROBLEM,
    SEE_CLASS,
    SEE_CAUSE,
    SEE_SEVERITY,
    SEE_HANDOFF,
    SEE_SHOP,
    SEE_LOCATION,
    SEE_REMEDIATION,
    SEE_RUNBOOK,
    SEE_EVIDENCE,
    SEE_ROOT_CAUSE,
    SEE_COLUMN_COUNT
};

/* What is asked of the database, column by column. */
struct see {
    const struct incident_set *set;
    struct pool *pool;
    struct span texts[SEE_COLUMN_COUNT][INCIDENT_SET_MAX];
    int64_t occurrences[INCIDENT_SET_MAX];
    size_t told[INCIDENT_SET_MAX]; /* places in the set */
    size_t told_count;
};

static void write_evidence(const struct incident_sighting *sighting, struct buf *out)
{
    buf_init(out, EVIDENCE_BYTES_MAX);
    if (sighting->evidence.bytes != NULL)
        buf_span(out, sighting->evidence);
    else
        incident_json_evidence(sighting, out);
}

static bool fill_made(struct see *see, size_t at, struct error *error)
{
    SCOPED(buf_free) struct buf evidence = {0};
    const struct incident_sighting *sighting = &see->set->items[at];
    char id[INCIDENT_ID_MAX];
    char problem[INCIDENT_PROBLEM_MAX];
    incident_json_id(sighting, id);
    size_t length = incident_problem(sighting, problem);
    write_evidence(sighting, &evidence);
    see->texts[SEE_ID][at] = pool_span(see->pool, span_from(id));
    see->texts[SEE_PROBLEM][at] = pool_span(see->pool, (struct span){problem, length});
    if (!evidence.failed)
        see->texts[SEE_EVIDENCE][at] = pool_span(see->pool, buf_view(&evidence));
    if (see->texts[SEE_ID][at].bytes != NULL &&
        see->texts[SEE_PROBLEM][at].bytes != NULL &&
        see->texts[SEE_EVIDENCE][at].bytes != NULL)
        return true;
    (void)error_set(error, STATUS_RETRY, "incidents: out of memory");
    return false;
}

static struct span found_or(const char *found, const char *otherwise)
{
    return span_from(found != NULL ? found : otherwise);
}

static void fill_known(struct see *see, size_t at)
{
    const struct incident_sighting *sighting = &see->set->items[at];
    const struct incident_kind *kind = incident_kind(sighting->class);
    const struct incident_finding *found = &sighting->finding;
    const struct span sku = sighting->subject.sku;
    see->texts[SEE_SKU][at] = sku.bytes != NULL ? sku : SPAN_OF("");
    see->texts[SEE_CLASS][at] = span_from(kind->id);
    see->texts[SEE_CAUSE][at] = found_or(found->cause, kind->cause);
    see->texts[SEE_SEVERITY][at] = found_or(found->severity, kind->severity);
    see->texts[SEE_HANDOFF][at] = span_from(kind->handoff);
    see->texts[SEE_SHOP][at] = sighting->subject.shop;
    see->texts[SEE_LOCATION][at] = sighting->subject.location;
    see->texts[SEE_REMEDIATION][at] = found_or(found->remediation, kind->remediation);
    see->texts[SEE_ROOT_CAUSE][at] = span_from(found->root_cause);
    see->texts[SEE_RUNBOOK][at] = span_from(kind->runbook);
    see->occurrences[at] = sighting->occurrences;
}

static enum status ask(struct postgres *postgres, const struct see *see,
                       struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    for (int column = 0; column < SEE_COLUMN_COUNT; column++)
        pg_params_text_array(&params, see->texts[column], see->set->count);
    pg_params_text(&params, span_from(see->set->actor));
    pg_params_int8_array(&params, see->occurrences, NULL, see->set->count);
    return postgres_query(postgres, &SEE, &params, rows, error);
}

/* The sighting that a row belongs to. */
static size_t place_of(const struct see *see, struct span problem, struct span sku)
{
    size_t at = 0;
    while (at < see->set->count && !(span_equal(see->texts[SEE_PROBLEM][at], problem) &&
                                     span_equal(see->texts[SEE_SKU][at], sku)))
        at++;
    ASSERT(at < see->set->count);
    return at;
}

/* Keeps the ids that the database gave, and which of the changes are to be told. */
static enum status learn(struct see *see, const struct rows *rows, struct error *error)
{
    ASSERT((size_t)rows->count == see->set->count);
    for (int row = 0; row < rows->count; row++) {
        size_t at = place_of(see, rows_span(rows, row, 2), rows_span(rows, row, 1));
        int64_t after = rows_int(rows, row, 3);
        see->texts[SEE_ID][at] = pool_span(see->pool, rows_span(rows, row, 0));
        if (see->texts[SEE_ID][at].bytes == NULL)
            return error_set(error, STATUS_RETRY, "incidents: out of memory");
        if (incident_kind(see->set->items[at].class)->tells_all ||
            incident_is_told(after - see->occurrences[at], after))
            see->told[see->told_count++] = at;
    }
    return STATUS_OK;
}

static size_t place_of_id(const struct see *see, struct span id)
{
    for (size_t told = 0; told < see->told_count; told++)
        if (span_equal(see->texts[SEE_ID][see->told[told]], id))
            return see->told[told];
    UNREACHABLE("a change was told that nobody asked for");
}

static enum status read_changes(const struct see *see, const struct rows *rows,
                                struct incident_changes *changes, struct error *error)
{
    ASSERT((size_t)rows->count == see->told_count);
    for (int row = 0; row < rows->count; row++) {
        struct incident incident = read_incident(rows, row);
        incident.state = incident.revision == 1 ? INCIDENT_OPENED : INCIDENT_UPDATED;
        size_t at = place_of_id(see, incident.id);
        if (!keep_texts(&incident, see->pool))
            return error_set(error, STATUS_RETRY, "incidents: out of memory");
        changes->items[changes->count++] = (struct incident_change){
            .incident = incident, .sighting = &see->set->items[at]};
    }
    return STATUS_OK;
}

static enum status tell(struct postgres *postgres, const struct see *see,
                        struct incident_changes *changes, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    struct span ids[INCIDENT_SET_MAX];
    struct span skus[INCIDENT_SET_MAX];
    for (size_t told = 0; told < see->told_count; told++) {
        ids[told] = see->texts[SEE_ID][see->told[told]];
        skus[told] = see->texts[SEE_SKU][see->told[told]];
    }
    pg_params_init(&params);
    pg_params_text_array(&params, ids, see->told_count);
    pg_params_text_array(&params, skus, see->told_count);
    pg_params_text(&params, span_from(see->set->actor));
    enum status status = postgres_query(postgres, &TELL, &params, &rows, error);
    if (status == STATUS_OK)
        status = read_changes(see, &rows, changes, error);
    return status;
}

enum status store_incidents_see(struct postgres *postgres, const struct incident_set *set,
                                struct pool *pool, struct incident_changes *changes_out,
                                struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    changes_out->count = 0;
    if (set->count == 0)
        return STATUS_OK;
    struct see *see = pool_take(pool, sizeof(*see));
    if (see == NULL)
        return error_set(error, STATUS_RETRY, "incidents: out of memory");
    *see = (struct see){.set = set, .pool = pool};
    for (size_t at = 0; at < set->count; at++) {
        fill_known(see, at);
        if (!fill_made(see, at, error))
            return STATUS_RETRY;
    }
    enum status status = ask(postgres, see, &rows, error);
    if (status == STATUS_OK)
        status = learn(see, &rows, error);
    if (status == STATUS_OK && see->told_count > 0)
        status = tell(postgres, see, changes_out, error);
    return status;
}

/* ---- ending --------------------------------------------------------------------------------- */

static enum status read_ended(const struct rows *rows, struct pool *pool,
                              struct incident_changes *changes, struct error *error)
{
    static const struct incident_sighting NONE = {0};
    ASSERT(rows->count <= INCIDENT_SET_MAX);
    for (int row = 0; row < rows->count; row++) {
        struct incident incident = read_incident(rows, row);
        incident.state = INCIDENT_RESOLVED;
        if (!keep_texts(&incident, pool))
            return error_set(error, STATUS_RETRY, "incidents: out of memory");
        changes->items[changes->count++] =
            (struct incident_change){.incident = incident, .sighting = &NONE};
    }
    return STATUS_OK;
}

enum status store_incidents_take_ends(const struct rows *rows, struct pool *pool,
                                      struct incident_ends *ends, struct error *error)
{
    ASSERT(rows->count <= INCIDENT_SET_MAX);
    for (int row = 0; row < rows->count; row++, ends->count++) {
        ends->ids[row] = pool_span(pool, rows_span(rows, row, 0));
        ends->skus[row] = pool_span(pool, rows_span(rows, row, 1));
        ends->reasons[row] = pool_span(pool, rows_span(rows, row, 2));
        if (ends->ids[row].bytes == NULL || ends->skus[row].bytes == NULL ||
            ends->reasons[row].bytes == NULL)
            return error_set(error, STATUS_RETRY, "incidents: out of memory");
    }
    return STATUS_OK;
}

enum status store_incidents_resolve(struct postgres *postgres,
                                    const struct incident_ends *ends, struct pool *pool,
                                    struct incident_changes *changes_out,
                                    struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    ASSERT(ends->count <= INCIDENT_SET_MAX);
    changes_out->count = 0;
    if (ends->count == 0)
        return STATUS_OK;
    pg_params_init(&params);
    pg_params_text_array(&params, ends->ids, ends->count);
    pg_params_text_array(&params, ends->skus, ends->count);
    pg_params_text_array(&params, ends->reasons, ends->count);
    pg_params_text(&params, span_from(ends->actor));
    enum status status = postgres_query(postgres, &RESOLVE, &params, &rows, error);
    if (status == STATUS_OK)
        status = read_ended(&rows, pool, changes_out, error);
    return status;
}

/* ---- reading -------------------------------------------------------------------------------- */

static enum status unknown_state(struct error *error, struct span state)
{
    return error_set(error, STATUS_FATAL,
                     "incidents: state '%.*s' is not known; use a newer parstock",
                     SPAN_ARGS(state));
}

static enum status read_view(void *self, const struct rows *row, struct error *error)
{
    const struct incident_visitor *visitor = self;
    struct incident_view view = {.incident = read_incident(row, 0),
                                 .last_seen_at_us = rows_time(row, 0, 18),
                                 .about = rows_span(row, 0, 19)};
    if (!state_parse(rows_span(row, 0, 17), &view.incident.state))
        return unknown_state(error, rows_span(row, 0, 17));
    return visitor->each(visitor->self, &view, error);
}

enum status store_incidents_list(struct postgres *postgres,
                                 const struct incident_filter *filter,
                                 const struct incident_visitor *visitor,
                                 struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct incident_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_view, .self = &copy};
    pg_params_init(&params);
    pg_params_bool(&params, filter->resolved);
    pg_params_text(&params, filter->id);
    pg_params_text(&params, filter->class);
    pg_params_text(&params, filter->sku);
    return postgres_stream(postgres, &LIST, &params, &reader, error);
}

static enum status read_log(void *self, const struct rows *row, struct error *error)
{
    const struct incident_log_visitor *visitor = self;
    struct incident_log_view view = {.incident = {.id = rows_span(row, 0, 0),
                                                  .at_us = rows_time(row, 0, 2),
                                                  .actor = rows_span(row, 0, 3),
                                                  .root_cause = rows_span(row, 0, 4),
                                                  .remediation = rows_span(row, 0, 5),
                                                  .evidence = rows_span(row, 0, 6),
                                                  .occurrences = rows_int(row, 0, 7),
                                                  .revision = rows_int(row, 0, 8)},
                                     .note = rows_span(row, 0, 9)};
    if (!state_parse(rows_span(row, 0, 1), &view.incident.state))
        return unknown_state(error, rows_span(row, 0, 1));
    return visitor->each(visitor->self, &view, error);
}

enum status store_incidents_log(struct postgres *postgres, struct span id,
                                const struct incident_log_visitor *visitor,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct incident_log_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_log, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, id);
    return postgres_stream(postgres, &LOG, &params, &reader, error);
}
