#include "common/io/store_incident_life.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_incident_outbox.h"
#include "common/io/store_incident_rows.h"

#include <stdio.h>

#define RUN_PAGE INCIDENT_SET_MAX
#define POOL_BYTES_MAX ((size_t)64 << 20)

static const struct statement FIND = {
    "incident_find",
    "SELECT i.sku, i.state, i.proposal_state, i.actor, EXISTS (SELECT 1 FROM incidents o "
    "WHERE o.problem = i.problem AND o.sku = i.sku AND o.state <> 'resolved' "
    "AND o.id <> i.id) FROM incidents i WHERE i.id = $1 FOR UPDATE OF i"};

/*
 * $3 the state, $4 the proposal's, $5 the state that is told; by whom, why. A decision on
 * the action is signed ($9); one that ends it says how in the evidence.
 */
static const struct statement DO = {
    "incident_do",
    "WITH i AS (UPDATE incidents SET state = $3, proposal_state = $4, "
    "revision = revision + 1, actor = $6, changed_at = clock_timestamp(), "
    "root_cause = coalesce($8, root_cause), remediation = coalesce($10, remediation), "
    "proposal_by = CASE WHEN $9 THEN $6 ELSE proposal_by END, "
    "proposal_at = CASE WHEN $9 THEN clock_timestamp() ELSE proposal_at END, "
    "ended_by = CASE WHEN $3 = 'resolved' THEN coalesce(ended_by, 'person') END, "
    "evidence = CASE WHEN $3 <> 'resolved' THEN evidence - 'ended' "
    "WHEN state <> 'resolved' THEN evidence || jsonb_build_object('ended', "
    "coalesce($7, 'resolved by ' || $6)) ELSE evidence END "
    "|| CASE WHEN $7::text IS NULL THEN '{}' ELSE jsonb_build_object('note', $7) END "
    "WHERE id = $1 AND sku = $2 RETURNING incidents.*), "
    "logged AS (INSERT INTO incident_log (incident_id, sku, revision, state, at, actor, "
    "occurrences, root_cause, remediation, evidence, note) SELECT id, sku, revision, $5, "
    "changed_at, actor, occurrences, root_cause, remediation, evidence, "
    "concat_ws(': ', $11, $7) FROM i) SELECT " INCIDENT_COLUMNS " FROM i"};

static const struct statement APPROVED = {
    "incidents_approved",
    "SELECT id, class, cause, shop, nullif(sku, ''), location, proposal::text, "
    "proposal_by, proposal_at FROM incidents WHERE proposal_state = 'approved' "
    "AND state <> 'resolved' ORDER BY proposal_at, id LIMIT $1 FOR UPDATE SKIP LOCKED"};

/* In the order in which others lock them. */
static const struct statement OF_SHOP = {
    "incidents_of_shop",
    "SELECT id, sku, problem, class, cause, location, clean_runs, "
    "clean_run IS NOT DISTINCT FROM $3, last_seen_at < $4, clean_run FROM incidents "
    "WHERE state <> 'resolved' AND shop = $1 AND class = ANY ($2) "
    "AND (problem COLLATE \"C\", sku COLLATE \"C\") > ($5, $6) "
    "ORDER BY problem COLLATE \"C\", sku COLLATE \"C\" LIMIT $7 FOR UPDATE"};

static const struct statement COUNT = {
    "incidents_count_run",
    "UPDATE incidents SET clean_runs = u.clean_runs, clean_run = u.clean_run "
    "FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) "
    "AS u (id, sku, clean_runs, clean_run) "
    "WHERE incidents.id = u.id AND incidents.sku = u.sku"};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "incidents: out of memory");
}

/* ---- acts ------------------------------------------------------------------------------- */

/* What the log calls a change that its state does not name. */
static const char *const WORDS[INCIDENT_VERB_COUNT] = {
    [INCIDENT_APPROVE] = "action approved",     [INCIDENT_REJECT] = "action rejected",
    [INCIDENT_TAKE] = "action taken in hand",   [INCIDENT_DONE] = "action carried out",
    [INCIDENT_FAIL] = "action was of no avail",
};

struct found {
    struct rows rows;
    struct incident_standing standing;
};

static void found_release(struct found *found)
{
    rows_release(&found->rows);
}

static enum status find(struct postgres *postgres, struct span id, struct found *found,
                        struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, id);
    enum status status = postgres_query(postgres, &FIND, &params, &found->rows, error);
    if (status != STATUS_OK)
        return status;
    if (found->rows.count == 0)
        return error_set_code(error, STATUS_REJECT, "unknown_incident",
                              "no incident '%.*s'; 'parstock incidents list --all' "
                              "names all",
                              (int)(id.length > 80 ? 80 : id.length), id.bytes);
    found->standing.has_successor = rows_bool(&found->rows, 0, 4);
    if (incident_state_parse(rows_span(&found->rows, 0, 1), &found->standing.state) &&
        incident_proposal_parse(rows_span(&found->rows, 0, 2), &found->standing.proposal))
        return STATUS_OK;
    return error_set(error, STATUS_FATAL,
                     "incidents: a state is not known; use a newer parstock");
}

static enum status judge(const struct incident_deed *deed, const struct found *found,
                         struct incident_step *step_out, struct error *error)
{
    *step_out = incident_act(deed->verb, found->standing);
    if (step_out->allowed)
        return STATUS_OK;
    return error_set_code(error, STATUS_REJECT, step_out->id, "%.*s: %s (last by %.*s)",
                          SPAN_ARGS(deed->id), step_out->why,
                          SPAN_ARGS(rows_span(&found->rows, 0, 3)));
}

static void do_params(struct pg_params *params, const struct incident_deed *deed,
                      const struct found *found, const struct incident_step *step)
{
    bool signs = step->next.proposal != found->standing.proposal;
    pg_params_init(params);
    pg_params_text(params, deed->id);
    pg_params_text(params, rows_span(&found->rows, 0, 0));
    pg_params_text(params, span_from(incident_state_name(step->next.state)));
    pg_params_text(params, span_from(incident_proposal_name(step->next.proposal)));
    pg_params_text(params, span_from(incident_state_name(step->told)));
    pg_params_text(params, deed->actor);
    pg_params_text(params, deed->note);
    pg_params_text(params, deed->root_cause);
    pg_params_bool(params, signs);
    pg_params_text(params, deed->remediation);
    pg_params_text(params, span_from(WORDS[deed->verb]));
}

static enum status tell_one(struct postgres *postgres, const struct incident *incident,
                            struct pool *pool, struct error *error)
{
    static const struct incident_sighting NONE = {0};
    struct incident_changes *changes = pool_take(pool, sizeof(*changes));
    if (changes == NULL)
        return out_of_memory(error);
    changes->count = 1;
    changes->items[0] = (struct incident_change){*incident, &NONE};
    return store_incidents_tell(postgres, changes, pool, error);
}

static enum status carry_out(struct postgres *postgres, const struct incident_deed *deed,
                             const struct found *found, struct rows *rows,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params = {0};
    struct incident_step step;
    enum status status = judge(deed, found, &step, error);
    if (status != STATUS_OK)
        return status;
    do_params(&params, deed, found, &step);
    return postgres_query(postgres, &DO, &params, rows, error);
}

enum status store_incident_do(struct postgres *postgres, const struct incident_deed *deed,
                              struct pool *pool, struct incident *after_out,
                              struct error *error)
{
    SCOPED(found_release) struct found found = {0};
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = find(postgres, deed->id, &found, error);
    if (status == STATUS_OK)
        status = carry_out(postgres, deed, &found, &rows, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(rows.count == 1); /* its row is locked */
    *after_out = store_incident_read(&rows, 0);
    after_out->state = incident_act(deed->verb, found.standing).told;
    if (!store_incident_keep(after_out, pool))
        return out_of_memory(error);
    return tell_one(postgres, after_out, pool, error);
}

enum status store_incident_may(struct postgres *postgres,
                               const struct incident_deed *deed, struct error *error)
{
    SCOPED(found_release) struct found found = {0};
    struct incident_step step;
    enum status status = find(postgres, deed->id, &found, error);
    return status == STATUS_OK ? judge(deed, &found, &step, error) : status;
}

/* ---- actions that were approved ----------------------------------------------------------- */

static bool keep_approved(const struct rows *rows, int row, struct pool *pool,
                          struct incident_approved *out)
{
    struct span *const texts[] = {&out->id,       &out->class,      &out->cause,
                                  &out->shop,     &out->sku,        &out->location,
                                  &out->proposal, &out->approved_by};
    for (size_t at = 0; at < COUNT_OF(texts); at++) {
        struct span text = rows_span(rows, row, (int)at);
        *texts[at] = text.bytes != NULL ? pool_span(pool, text) : text;
        if (text.bytes != NULL && texts[at]->bytes == NULL)
            return false;
    }
    out->approved_at_us = rows_time(rows, row, 8);
    return true;
}

enum status store_incidents_take_approved(struct postgres *postgres, struct span actor,
                                          struct pool *pool,
                                          struct incident_approved_page *page_out,
                                          struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    page_out->count = 0;
    pg_params_init(&params);
    pg_params_int8(&params, INCIDENT_APPROVED_MAX);
    enum status status = postgres_query(postgres, &APPROVED, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        struct incident_approved *item = &page_out->items[page_out->count++];
        struct incident after;
        if (!keep_approved(&rows, row, pool, item))
            return out_of_memory(error);
        status =
            store_incident_do(postgres,
                              &(struct incident_deed){
                                  .verb = INCIDENT_TAKE, .id = item->id, .actor = actor},
                              pool, &after, error);
    }
    return status;
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* One page of a shop's open incidents, and what a run says of them. */
struct run_page {
    const struct incident_run *run;
    struct pool pool;
    struct span problem; /* where the next page begins */
    struct span sku;
    size_t counted;
    struct span ids[RUN_PAGE];
    struct span skus[RUN_PAGE];
    int64_t counts[RUN_PAGE];
    struct span runs[RUN_PAGE]; /* bytes NULL: none is counted any more */
    struct incident_ends ends;
    struct incident_changes changes;
};

static void ask_classes(struct pg_params *params)
{
    struct span names[INCIDENT_CLASS_COUNT];
    size_t count = 0;
    for (int class = 0; class < INCIDENT_CLASS_COUNT; class ++)
        if (incident_kind((enum incident_class) class)->ends_by_runs)
            names[count++] = span_from(incident_kind((enum incident_class) class)->id);
    pg_params_text_array(params, names, count);
}

static enum status read_page(struct postgres *postgres, const struct run_page *page,
                             struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, page->run->shop);
    ask_classes(&params);
    pg_params_text(&params, page->run->id);
    pg_params_time(&params, true, page->run->began_at_us);
    pg_params_text(&params, page->problem);
    pg_params_text(&params, page->sku);
    pg_params_int8(&params, RUN_PAGE);
    return postgres_query(postgres, &OF_SHOP, &params, rows, error);
}

static const struct incident_run_rule *judge_row(const struct run_page *page,
                                                 const struct rows *rows, int row)
{
    const struct incident_of_pair pair = {.id = rows_span(rows, row, 0),
                                          .sku = rows_span(rows, row, 1),
                                          .class = rows_span(rows, row, 3),
                                          .cause = rows_span(rows, row, 4),
                                          .location = rows_span(rows, row, 5)};
    const struct incident_run_look look = {.finding =
                                               page->run->says(page->run->self, &pair),
                                           .clean_runs = rows_int(rows, row, 6),
                                           .is_counted = rows_bool(rows, row, 7),
                                           .is_later = rows_bool(rows, row, 8)};
    return incident_run_judge(&look);
}

static void note_count(struct run_page *page, const struct rows *rows, int row,
                       bool counts)
{
    size_t at = page->counted++;
    page->ids[at] = rows_span(rows, row, 0);
    page->skus[at] = rows_span(rows, row, 1);
    page->counts[at] = counts ? rows_int(rows, row, 6) + 1 : 0;
    page->runs[at] = counts ? page->run->id : (struct span){0};
}

static bool note_end(struct run_page *page, const struct rows *rows, int row)
{
    char text[256];
    struct incident_ends *ends = &page->ends;
    struct span before = rows_span(rows, row, 9);
    (void)snprintf(text, sizeof(text), "found clean by two later runs: %.*s, %.*s",
                   (int)(before.length > 80 ? 80 : before.length),
                   before.bytes != NULL ? before.bytes : "",
                   (int)(page->run->id.length > 80 ? 80 : page->run->id.length),
                   page->run->id.bytes);
    ends->ids[ends->count] = pool_span(&page->pool, rows_span(rows, row, 0));
    ends->skus[ends->count] = pool_span(&page->pool, rows_span(rows, row, 1));
    ends->reasons[ends->count] = pool_span(&page->pool, span_from(text));
    bool kept = ends->ids[ends->count].bytes != NULL &&
                ends->skus[ends->count].bytes != NULL &&
                ends->reasons[ends->count].bytes != NULL;
    ends->count++;
    return kept;
}

static enum status judge_page(struct run_page *page, const struct rows *rows,
                              struct incident_run_report *report, struct error *error)
{
    page->counted = 0;
    page->ends.count = 0;
    report->looked_at += (size_t)rows->count;
    for (int row = 0; row < rows->count; row++) {
        switch (judge_row(page, rows, row)->effect) {
        case INCIDENT_RUN_KEEPS:
            break;
        case INCIDENT_RUN_RESETS:
            note_count(page, rows, row, false);
            break;
        case INCIDENT_RUN_COUNTS:
            note_count(page, rows, row, true);
            report->clean++;
            break;
        case INCIDENT_RUN_ENDS:
            report->resolved++;
            if (!note_end(page, rows, row))
                return out_of_memory(error);
            break;
        }
    }
    return STATUS_OK;
}

static enum status write_page(struct postgres *postgres, struct run_page *page,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    enum status status = STATUS_OK;
    pg_params_init(&params);
    pg_params_text_array(&params, page->ids, page->counted);
    pg_params_text_array(&params, page->skus, page->counted);
    pg_params_int8_array(&params, page->counts, NULL, page->counted);
    pg_params_text_array(&params, page->runs, page->counted);
    if (page->counted > 0)
        status = postgres_query(postgres, &COUNT, &params, NULL, error);
    if (status == STATUS_OK)
        status = store_incidents_resolve(postgres, &page->ends, &page->pool,
                                         &page->changes, error);
    if (status == STATUS_OK)
        status = store_incidents_tell(postgres, &page->changes, &page->pool, error);
    return status;
}

/* Where the next page begins; the pool is emptied between two. */
static bool turn_page(struct run_page *page, const struct rows *rows, struct pool *mark)
{
    pool_reset(mark);
    page->problem = pool_span(mark, rows_span(rows, rows->count - 1, 2));
    page->sku = pool_span(mark, rows_span(rows, rows->count - 1, 1));
    return page->problem.bytes != NULL && page->sku.bytes != NULL;
}

static enum status run_pages(struct postgres *postgres, struct run_page *page,
                             struct pool *mark, struct incident_run_report *report,
                             struct error *error)
{
    for (;;) {
        SCOPED(rows_release) struct rows rows = {0};
        pool_reset(&page->pool);
        enum status status = read_page(postgres, page, &rows, error);
        if (status == STATUS_OK && rows.count > 0)
            status = judge_page(page, &rows, report, error);
        if (status == STATUS_OK && rows.count > 0)
            status = write_page(postgres, page, error);
        if (status != STATUS_OK || rows.count < RUN_PAGE)
            return status;
        if (!turn_page(page, &rows, mark))
            return out_of_memory(error);
    }
}

enum status store_incidents_run(struct postgres *postgres, const struct incident_run *run,
                                struct incident_run_report *report_out,
                                struct error *error)
{
    SCOPED(pool_free) struct pool pool;
    SCOPED(pool_free) struct pool mark;
    char actor[INCIDENT_ACTOR_MAX + 1];
    *report_out = (struct incident_run_report){0};
    pool_init(&pool, POOL_BYTES_MAX);
    pool_init(&mark, POOL_BYTES_MAX);
    struct run_page *page = pool_take(&pool, sizeof(*page));
    if (page == NULL)
        return out_of_memory(error);
    *page = (struct run_page){.run = run, .problem = SPAN_OF(""), .sku = SPAN_OF("")};
    (void)snprintf(actor, sizeof(actor), "%.*s", SPAN_ARGS(run->actor));
    page->ends.actor = actor;
    pool_init(&page->pool, POOL_BYTES_MAX);
    enum status status = run_pages(postgres, page, &mark, report_out, error);
    pool_free(&page->pool);
    return status;
}
