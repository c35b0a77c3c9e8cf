#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/domain/cause.h"
#include "common/runtime/life.h"
#include "workers/verify/verify.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_SLICE_MS 500
#define EXPLAINED_MAX ((size_t)16 * 1024)
#define NUMBER_MAX 24

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "verify: out of memory");
}

/* ---- looks ---------------------------------------------------------------------------------- */

/* True: it must be looked at again. */
static bool take_seen(struct verify_shop *shop, size_t place, size_t at,
                      const struct verify_looked *looked)
{
    const struct drift_facts *facts = &shop->looker.looked.facts[at];
    struct verify_pair *pair = &shop->pairs[place];
    struct verify_seen *seen = &shop->seen[place];
    const struct verify_input input = {.before = pair->before,
                                       .after = looked->states[at],
                                       .between = looked->betweens[at],
                                       .judgement = shop->looker.looked.judgements[at]};
    bool was_looked_at = pair->pair.was_looked_at;
    *seen =
        (struct verify_seen){.after = input.after,
                             .result = verify_judge(&input),
                             .rule = input.judgement.rule,
                             .expected = facts->desired,
                             .is_under_way = input.judgement.verdict == DRIFT_UNDER_WAY};
    pair->pair.tries += was_looked_at && seen->is_under_way ? 1 : 0;
    pair->pair.was_looked_at = true;
    pair->pair.shown_before = facts->look.shown;
    pair->pair.noted_before = facts->noted;
    return was_looked_at
               ? seen->is_under_way
               : seen->is_under_way || verify_worst(&seen->result) > VERIFY_EXPLAINED;
}

/* The item's SKU is needed until the end; what a look reads is gone with the next. */
static bool keep_texts(struct verify_shop *shop, struct verify_seen *seen)
{
    if (seen->after.raw_sku.bytes == NULL || seen->after.raw_sku.length == 0)
        return true;
    seen->after.raw_sku = pool_span(&shop->job->pool, seen->after.raw_sku);
    return seen->after.raw_sku.bytes != NULL;
}

/* Looks at places[0..*count); those that must be looked at again are left in them. */
static enum status look_at(struct verify_shop *shop, size_t *places, size_t *count,
                           struct verify_looked *looked, struct error *error)
{
    size_t left = 0;
    enum status status = STATUS_OK;
    for (size_t from = 0; from < *count && status == STATUS_OK && !life_ending();
         from += DRIFT_BATCH_MAX) {
        size_t some = *count - from < DRIFT_BATCH_MAX ? *count - from : DRIFT_BATCH_MAX;
        status = verify_look(shop, &places[from], some, looked, error);
        for (size_t at = 0; at < some && status == STATUS_OK; at++) {
            size_t place = places[from + at];
            bool again = take_seen(shop, place, at, looked);
            if (!keep_texts(shop, &shop->seen[place]))
                return out_of_memory(error);
            if (again)
                places[left++] = place;
        }
    }
    *count = left;
    return status;
}

static void settle(const struct verify_shop *shop, size_t count)
{
    fprintf(stderr, "%s: %zu pairs differ; they are looked at again in %lld s\n",
            shop->name, count, (long long)(shop->job->settle_ms / 1000));
    for (int64_t left_ms = shop->job->settle_ms; left_ms > 0 && !life_ending();
         left_ms -= WAIT_SLICE_MS)
        life_wait_ms(left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS);
}

static enum status look_until_settled(struct verify_shop *shop, size_t *places,
                                      struct verify_looked *looked, struct error *error)
{
    size_t count = shop->count;
    for (size_t at = 0; at < count; at++)
        places[at] = at;
    enum status status = look_at(shop, places, &count, looked, error);
    for (int look = 0;
         look < DRIFT_LOOKS_MAX && count > 0 && status == STATUS_OK && !life_ending();
         look++) {
        settle(shop, count);
        status = look_at(shop, places, &count, looked, error);
    }
    if (status == STATUS_OK && life_ending()) {
        (void)error_set(error, STATUS_RETRY, "asked to end before all pairs were read");
        return error_exit(error, EXIT_AGAIN);
    }
    return status;
}

static enum status check_pairs(struct verify_shop *shop, struct error *error)
{
    size_t *places = calloc(shop->count + 1, sizeof *places);
    struct verify_looked *looked = calloc(1, sizeof *looked);
    enum status status = places == NULL || looked == NULL
                             ? out_of_memory(error)
                             : look_until_settled(shop, places, looked, error);
    free(places);
    free(looked);
    return status;
}

/* ---- findings -------------------------------------------------------------------------------- */

struct report {
    struct verify_job *job;
    struct verify_counts counts;
    int64_t by_rule[64]; /* of VERIFY_RULES */
    struct verify_finding *findings;
    size_t count;
    size_t room;
};

static struct span say(struct pool *pool, const char *text)
{
    return pool_span(pool, span_from(text));
}

static struct span number(struct pool *pool, struct quantity quantity)
{
    char text[NUMBER_MAX] = "-";
    if (quantity.known)
        (void)snprintf(text, sizeof text, "%lld", (long long)quantity.units);
    return say(pool, text);
}

static struct span item_text(struct pool *pool, const struct verify_state *state)
{
    return state->item_there ? state->raw_sku
                             : say(pool, state->is_read ? "gone" : "not read");
}

/* How the aspect stood at one of the moments. */
static struct span state_text(struct pool *pool, enum verify_aspect aspect,
                              const struct verify_state *state)
{
    switch (aspect) {
    case VERIFY_ITEM:
        return item_text(pool, state);
    case VERIFY_TRACKED:
        return say(pool, state->tracked ? "tracked" : "untracked");
    case VERIFY_SELLING:
        return say(pool, state->sells_on ? "sold on below 0" : "stops at 0");
    case VERIFY_STOCKED:
        return say(pool, state->stocked ? "stocked" : "not stocked");
    case VERIFY_TRUTH:
        return number(pool, state->truth);
    case VERIFY_DESIRED:
        return number(pool, state->desired);
    case VERIFY_SHOWN:
        return number(pool, state->shown);
    case VERIFY_ASPECT_COUNT:
        break;
    }
    UNREACHABLE("every aspect has a text");
}

static struct span runbook_of(const struct verify_rule *rule,
                              const struct verify_seen *seen)
{
    if (rule->aspect == VERIFY_SHOWN && seen->rule != NULL)
        return span_from(cause_kind(seen->rule->cause)->runbook);
    return span_from(rule->runbook);
}

static struct span reason_of(struct pool *pool, const struct verify_rule *rule,
                             const struct verify_seen *seen)
{
    char text[ERROR_TEXT_MAX];
    if (rule->aspect != VERIFY_SHOWN || seen->rule == NULL)
        return span_from(rule->why);
    (void)snprintf(text, sizeof text, "%s; %s: %s", rule->why,
                   cause_kind(seen->rule->cause)->name, seen->rule->why);
    return say(pool, text);
}

static struct verify_finding make_finding(struct verify_shop *shop, size_t place,
                                          const struct verify_rule *rule)
{
    struct pool *pool = &shop->job->pool;
    const struct verify_pair *pair = &shop->pairs[place];
    const struct verify_seen *seen = &shop->seen[place];
    bool is_drift = rule->aspect == VERIFY_SHOWN && seen->rule != NULL;
    struct span before = state_text(pool, rule->aspect, &pair->before);
    return (struct verify_finding){
        .shop = shop->shop->name,
        .sku = pair->pair.sku,
        .location = pair->pair.location,
        .aspect = span_from(verify_aspect_name(rule->aspect)),
        .verdict = span_from(verify_verdict_name(rule->verdict)),
        .rule = span_from(rule->id),
        .is_high_risk = pair->is_high_risk,
        .before = before,
        .after = state_text(pool, rule->aspect, &seen->after),
        .expected = rule->aspect == VERIFY_SHOWN ? number(pool, seen->expected) : before,
        .cause = is_drift ? span_from(cause_kind(seen->rule->cause)->name) : SPAN_OF(""),
        .reason = reason_of(pool, rule, seen),
        .runbook = runbook_of(rule, seen)};
}

static enum status add_finding(struct report *report, struct verify_finding finding,
                               struct error *error)
{
    if (report->count == report->room) {
        size_t room = report->room * 2 + DRIFT_BATCH_MAX;
        struct verify_finding *more =
            realloc(report->findings, room * sizeof *report->findings);
        if (more == NULL)
            return out_of_memory(error);
        report->findings = more;
        report->room = room;
    }
    report->findings[report->count++] = finding;
    return STATUS_OK;
}

static bool has_moved(const struct verify_result *result)
{
    for (size_t at = 0; at < VERIFY_ASPECT_COUNT; at++)
        if (result->rules[at] != NULL)
            return true;
    return false;
}

static void count_pair(struct verify_counts *counts, const struct verify_result *result)
{
    enum verify_verdict worst = verify_worst(result);
    counts->pairs++;
    counts->wrong += worst == VERIFY_WRONG ? 1 : 0;
    counts->undecided += worst == VERIFY_UNDECIDED ? 1 : 0;
    counts->known += worst == VERIFY_KNOWN ? 1 : 0;
    counts->moved += worst == VERIFY_EXPLAINED && has_moved(result) ? 1 : 0;
}

static enum status report_pair(struct report *report, struct verify_shop *shop,
                               size_t place, struct error *error)
{
    const struct verify_result *result = &shop->seen[place].result;
    enum status status = STATUS_OK;
    count_pair(&report->counts, result);
    for (size_t at = 0; at < VERIFY_ASPECT_COUNT && status == STATUS_OK; at++) {
        const struct verify_rule *rule = result->rules[at];
        if (rule == NULL)
            continue;
        report->by_rule[rule - VERIFY_RULES]++;
        if (rule->verdict != VERIFY_EXPLAINED)
            status = add_finding(report, make_finding(shop, place, rule), error);
    }
    return status;
}

/* ---- a check -------------------------------------------------------------------------------- */

static enum status check_shop(struct report *report, const struct shop *shop,
                              struct error *error)
{
    SCOPED(verify_shop_close) struct verify_shop *self = NULL;
    enum status status = verify_shop_open(report->job, shop, &self, error);
    if (status != STATUS_OK)
        return status;
    status = verify_shop_load(self, error);
    if (status != STATUS_OK || self->count == 0)
        return status;
    status = verify_shop_greet(self, error);
    drift_lag_mark(&self->looker);
    if (status == STATUS_OK)
        status = check_pairs(self, error);
    for (size_t at = 0; at < self->count && status == STATUS_OK; at++)
        status = report_pair(report, self, at, error);
    return status;
}

static void write_explained(const struct report *report, struct buf *out)
{
    buf_byte(out, '{');
    for (size_t at = 0; at < VERIFY_RULES_COUNT; at++)
        if (report->by_rule[at] > 0 && VERIFY_RULES[at].verdict == VERIFY_EXPLAINED)
            json_member_number(out, VERIFY_RULES[at].id, report->by_rule[at]);
    buf_byte(out, '}');
}

static enum status save(struct report *report, struct verify_check *check,
                        struct error *error)
{
    SCOPED(buf_free) struct buf explained;
    buf_init(&explained, EXPLAINED_MAX);
    write_explained(report, &explained);
    check->outcome = span_from(verify_outcome(&report->counts));
    check->counts = report->counts;
    check->explained = pool_buf(&report->job->pool, &explained);
    if (check->explained.bytes == NULL)
        return out_of_memory(error);
    return store_verify_save(report->job->postgres, check, report->findings,
                             report->count, error);
}

static enum status check_all(struct report *report, struct error *error)
{
    const struct contract *contract = report->job->contract;
    enum status status = STATUS_OK;
    for (size_t at = 0; at < contract->shop_count && status == STATUS_OK; at++)
        if (verify_takes_shop(report->job, at))
            status = check_shop(report, &contract->shops[at], error);
    /* Of a shop that the contract file has no more nothing was read. */
    if (report->job->only_shop < 0 && report->counts.pairs < report->job->run.pairs)
        report->counts.undecided += report->job->run.pairs - report->counts.pairs;
    return status;
}

static enum status no_sample(struct span name, struct error *error)
{
    (void)error_set(
        error, STATUS_REJECT,
        "there is no sample %.*s%sto hold against: 'parstock verify pre' takes "
        "one, 'parstock verify list' lists them",
        (int)(name.length < 100 ? name.length : 100),
        name.bytes != NULL ? name.bytes : "", name.bytes != NULL ? " " : "");
    return error_exit(error, EXIT_USAGE);
}

enum status verify_post(struct verify_job *job, struct span name,
                        const char **outcome_out, struct error *error)
{
    struct report report = {.job = job};
    ASSERT(VERIFY_RULES_COUNT <= COUNT_OF(report.by_rule));
    enum status status =
        store_verify_find(job->postgres, name, &job->pool, &job->run, error);
    if (status == STATUS_OK && job->run.id == 0)
        return no_sample(name, error);
    struct verify_check check = {.run_id = job->run.id,
                                 .actor = job->actor,
                                 .began_at_us = clock_now_us(),
                                 .build = SPAN_OF(PARSTOCK_VERSION),
                                 .schema_version = job->schema_version,
                                 .contract = span_from(job->contract->digest)};
    if (status == STATUS_OK)
        status = check_all(&report, error);
    if (status == STATUS_OK)
        status = save(&report, &check, error);
    if (status == STATUS_OK)
        status = verify_print_check(job, &check, error);
    if (status == STATUS_OK)
        *outcome_out = verify_outcome(&report.counts);
    free(report.findings);
    return status;
}
