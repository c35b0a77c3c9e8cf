#include "common/io/store_incidents.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/incident_json.h"
#include "common/domain/incident_life.h"
#include "common/io/store_incident_rows.h"

#define EVIDENCE_BYTES_MAX ((size_t)64 * 1024)

/* What a sighting found takes the place of what was thought before; without a finding what
 * others noted stays. */
#define FOUND(column)                                                                    \
    column " = CASE WHEN excluded.root_cause IS NULL THEN incidents." column             \
           " ELSE excluded." column " END, "

/* A newer proposal takes the place of one that lets it: $17 are the states that do. */
#define YIELDS(column, value)                                                            \
    column " = CASE WHEN excluded.proposal IS NOT NULL "                                 \
           "AND incidents.proposal_state = ANY ($17) THEN " value                        \
           " ELSE incidents." column " END, "

/* Rows in one order for everybody: see the header. */
static const struct statement SEE = {
    "incidents_see",
    "INSERT INTO incidents (id, sku, problem, class, cause, severity, handoff, shop, "
    "location, remediation, runbook_url, evidence, root_cause, proposal, proposal_state, "
    "occurrences, opened_at, last_seen_at, changed_at, actor) SELECT id, sku, problem, "
    "class, cause, severity, handoff, shop, location, remediation, runbook_url, "
    "evidence::jsonb, root_cause, proposal::jsonb, "
    "CASE WHEN proposal IS NULL THEN 'none' ELSE 'waiting' END, occurrences, "
    "clock_timestamp(), clock_timestamp(), clock_timestamp(), $15 "
    "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], "
    "$7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], "
    "$13::text[], $14::text[], $16::bigint[]) AS s (id, sku, problem, class, cause, "
    "severity, handoff, shop, location, remediation, runbook_url, evidence, root_cause, "
    "proposal, occurrences) "
    "ORDER BY problem COLLATE \"C\", sku COLLATE \"C\" "
    "ON CONFLICT (problem, sku) WHERE state <> 'resolved' DO UPDATE SET "
    "occurrences = incidents.occurrences + excluded.occurrences, "
    "last_seen_at = clock_timestamp(), clean_runs = 0, clean_run = NULL, " YIELDS(
        "proposal",
        "excluded.proposal") YIELDS("proposal_state",
                                    "'waiting'") YIELDS("proposal_by",
                                                        "NULL") YIELDS("proposal_at",
                                                                       "NULL")
        FOUND("cause") FOUND("severity") FOUND("handoff") FOUND("remediation") FOUND(
            "root_cause") "evidence = incidents.evidence || (excluded.evidence - 'first') "
                          "RETURNING id, sku, problem, occurrences"};

/* The incident that is open for each problem, or the one that ended last: locked. */
static const struct statement LOOK = {
    "incidents_look",
    "SELECT s.place, i.* FROM (SELECT * FROM unnest($1::text[], $2::text[]) "
    "WITH ORDINALITY AS u (problem, sku, place) "
    "ORDER BY problem COLLATE \"C\", sku COLLATE \"C\") AS s CROSS JOIN LATERAL "
    "(SELECT i.id, i.state, i.ended_by = 'person', i.changed_at, i.proposal_state, "
    "i.cause, i.severity, clock_timestamp() FROM incidents i WHERE i.problem = s.problem "
    "AND i.sku = s.sku ORDER BY i.state = 'resolved', i.changed_at DESC LIMIT 1 "
    "FOR UPDATE) AS i"};

/* Whatever was decided of an action before the end is decided anew. */
static const struct statement REOPEN = {
    "incidents_reopen",
    "UPDATE incidents i SET state = 'reopened', ended_by = NULL, "
    "evidence = evidence - 'ended', proposal_by = NULL, proposal_at = NULL, "
    "proposal_state = CASE proposal_state WHEN 'taken' THEN 'taken' ELSE 'none' END, "
    "proposal = CASE proposal_state WHEN 'taken' THEN proposal END "
    "FROM unnest($1::text[], $2::text[]) AS b (back_id, back_sku) "
    "WHERE i.id = back_id AND i.sku = back_sku AND i.state = 'resolved' "
    "AND NOT EXISTS (SELECT 1 FROM incidents o WHERE o.problem = i.problem "
    "AND o.sku = i.sku AND o.state <> 'resolved')"};

static const struct statement TELL = {
    "incidents_tell",
    "WITH i AS (UPDATE incidents SET revision = revision + 1, actor = $3, changed_at = "
    "CASE WHEN revision = 0 THEN opened_at ELSE clock_timestamp() END "
    "FROM unnest($1::text[], $2::text[], $4::text[]) AS t (told_id, told_sku, told) "
    "WHERE id = told_id AND sku = told_sku RETURNING incidents.*, told), "
    "logged AS (INSERT INTO incident_log (incident_id, sku, revision, state, at, actor, "
    "occurrences, root_cause, remediation, evidence) SELECT id, sku, revision, "
    "CASE WHEN revision = 1 THEN 'opened' ELSE told END, changed_at, actor, "
    "occurrences, root_cause, remediation, evidence FROM i) "
    "SELECT " INCIDENT_COLUMNS " FROM i"};

static const struct statement RESOLVE = {
    "incidents_resolve",
    "WITH i AS (UPDATE incidents SET state = 'resolved', revision = revision + 1, "
    "actor = $4, changed_at = clock_timestamp(), ended_by = 'work', "
    "proposal_state = CASE WHEN proposal_state = ANY ($5) THEN 'withdrawn' "
    "ELSE proposal_state END, "
    "evidence = evidence || jsonb_build_object('ended', ended) "
    "FROM unnest($1::text[], $2::text[], $3::text[]) AS t (over_id, over_sku, ended) "
    "WHERE id = over_id AND sku = over_sku AND state <> 'resolved' "
    "RETURNING incidents.*), "
    "logged AS (INSERT INTO incident_log (incident_id, sku, revision, state, at, actor, "
    "occurrences, root_cause, remediation, evidence, note) SELECT id, sku, revision, "
    "'resolved', changed_at, actor, occurrences, root_cause, remediation, evidence, "
    "evidence->>'ended' FROM i) "
    "SELECT " INCIDENT_COLUMNS " FROM i"};

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
    SEE_PROPOSAL,
    SEE_COLUMN_COUNT
};

/* What is asked of the database, column by column. */
struct see {
    const struct incident_set *set;
    struct pool *pool;
    struct span texts[SEE_COLUMN_COUNT][INCIDENT_SET_MAX];
    int64_t occurrences[INCIDENT_SET_MAX];
    bool is_news[INCIDENT_SET_MAX];               /* to be told, however often seen */
    enum incident_state states[INCIDENT_SET_MAX]; /* as it is told, unless it is new */
    size_t told[INCIDENT_SET_MAX];                /* places in the set */
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
    see->texts[SEE_HANDOFF][at] = found_or(found->handoff, kind->handoff);
    see->texts[SEE_PROPOSAL][at] = sighting->proposal;
    see->states[at] = INCIDENT_UPDATED;
    see->texts[SEE_SHOP][at] = sighting->subject.shop;
    see->texts[SEE_LOCATION][at] = sighting->subject.location;
    see->texts[SEE_REMEDIATION][at] = found_or(found->remediation, kind->remediation);
    see->texts[SEE_ROOT_CAUSE][at] = span_from(found->root_cause);
    see->texts[SEE_RUNBOOK][at] = span_from(kind->runbook);
    see->occurrences[at] = sighting->occurrences;
}

/* The states of a proposal that let a newer one take their place. */
static void add_yielding(struct pg_params *params)
{
    struct span names[INCIDENT_PROPOSAL_COUNT];
    size_t count = 0;
    for (int at = 0; at < INCIDENT_PROPOSAL_COUNT; at++)
        if (incident_proposal_yields((enum incident_proposal)at))
            names[count++] =
                span_from(incident_proposal_name((enum incident_proposal)at));
    pg_params_text_array(params, names, count);
}

/* ---- what is known of the problems ---------------------------------------------------------- */

struct back {
    size_t count;
    struct span ids[INCIDENT_SET_MAX];
    struct span skus[INCIDENT_SET_MAX];
};

/* Is what is seen of an open incident more than one more sighting? */
static bool is_news(const struct see *see, size_t at, const struct rows *rows, int row)
{
    const struct incident_sighting *sighting = &see->set->items[at];
    enum incident_proposal proposal = INCIDENT_PROPOSAL_NONE;
    bool known = incident_proposal_parse(rows_span(rows, row, 5), &proposal);
    if (sighting->proposal.bytes != NULL && known &&
        proposal != INCIDENT_PROPOSAL_WAITING && incident_proposal_yields(proposal))
        return true;
    return sighting->finding.root_cause != NULL &&
           !(span_equal(see->texts[SEE_CAUSE][at], rows_span(rows, row, 6)) &&
             span_equal(see->texts[SEE_SEVERITY][at], rows_span(rows, row, 7)));
}

static void judge_known(struct see *see, const struct rows *rows, int row,
                        struct back *back)
{
    size_t at = (size_t)rows_int(rows, row, 0) - 1;
    ASSERT(at < see->set->count);
    const struct incident_end end = {.by_person = rows_bool(rows, row, 3),
                                     .at_us = rows_time(rows, row, 4)};
    if (!span_is(rows_span(rows, row, 2), incident_state_name(INCIDENT_RESOLVED))) {
        see->is_news[at] = is_news(see, at, rows, row);
        return;
    }
    if (!incident_return(incident_kind(see->set->items[at].class), &end,
                         rows_time(rows, row, 8))
             ->reopens)
        return;
    see->is_news[at] = true;
    see->states[at] = INCIDENT_REOPENED;
    back->ids[back->count] = rows_span(rows, row, 1);
    back->skus[back->count++] = see->texts[SEE_SKU][at];
}

/* What ended a short while ago and is seen again is open again. */
static enum status bring_back(struct postgres *postgres, struct see *see,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    struct back back = {0};
    pg_params_init(&params);
    pg_params_text_array(&params, see->texts[SEE_PROBLEM], see->set->count);
    pg_params_text_array(&params, see->texts[SEE_SKU], see->set->count);
    enum status status = postgres_query(postgres, &LOOK, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++)
        judge_known(see, &rows, row, &back);
    if (status != STATUS_OK || back.count == 0)
        return status;
    pg_params_clear(&params);
    pg_params_text_array(&params, back.ids, back.count);
    pg_params_text_array(&params, back.skus, back.count);
    return postgres_query(postgres, &REOPEN, &params, NULL, error);
}

/* ---- counting ------------------------------------------------------------------------------- */

static enum status ask(struct postgres *postgres, const struct see *see,
                       struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    for (int column = 0; column < SEE_COLUMN_COUNT; column++)
        pg_params_text_array(&params, see->texts[column], see->set->count);
    pg_params_text(&params, span_from(see->set->actor));
    pg_params_int8_array(&params, see->occurrences, NULL, see->set->count);
    add_yielding(&params);
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
        if (see->is_news[at] || incident_kind(see->set->items[at].class)->tells_all ||
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
        struct incident incident = store_incident_read(rows, row);
        size_t at = place_of_id(see, incident.id);
        incident.state = incident.revision == 1 ? INCIDENT_OPENED : see->states[at];
        if (!store_incident_keep(&incident, see->pool))
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
    struct span states[INCIDENT_SET_MAX];
    for (size_t told = 0; told < see->told_count; told++) {
        size_t at = see->told[told];
        ids[told] = see->texts[SEE_ID][at];
        skus[told] = see->texts[SEE_SKU][at];
        states[told] = span_from(incident_state_name(see->states[at]));
    }
    pg_params_init(&params);
    pg_params_text_array(&params, ids, see->told_count);
    pg_params_text_array(&params, skus, see->told_count);
    pg_params_text(&params, span_from(see->set->actor));
    pg_params_text_array(&params, states, see->told_count);
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
    enum status status = bring_back(postgres, see, error);
    if (status == STATUS_OK)
        status = ask(postgres, see, &rows, error);
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
        struct incident incident = store_incident_read(rows, row);
        incident.state = INCIDENT_RESOLVED;
        if (!store_incident_keep(&incident, pool))
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

/* The states of a proposal that the end of its incident makes withdrawn. */
static void add_withdrawn(struct pg_params *params)
{
    struct span names[INCIDENT_PROPOSAL_COUNT];
    size_t count = 0;
    for (int at = 0; at < INCIDENT_PROPOSAL_COUNT; at++) {
        const struct incident_standing standing = {
            .state = INCIDENT_OPENED, .proposal = (enum incident_proposal)at};
        if (incident_act(INCIDENT_RESOLVE, standing).next.proposal != standing.proposal)
            names[count++] = span_from(incident_proposal_name(standing.proposal));
    }
    pg_params_text_array(params, names, count);
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
    add_withdrawn(&params);
    enum status status = postgres_query(postgres, &RESOLVE, &params, &rows, error);
    if (status == STATUS_OK)
        status = read_ended(&rows, pool, changes_out, error);
    return status;
}
