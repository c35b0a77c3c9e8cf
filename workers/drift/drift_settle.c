#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/drift_json.h"
#include "common/domain/risk.h"
#include "workers/drift/drift.h"

#define AGAIN_MIN_MS 1000
#define EVIDENCE_MAX ((size_t)16 * 1024)

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "drift: out of memory");
}

/* ---- the end of a second look --------------------------------------------------------- */

static bool name_finding(const struct drifter *drifter, const struct drift_pair *pair,
                         struct pool *pool, struct drift_finding *finding)
{
    char id[DRIFT_ID_MAX];
    const struct drift_name name = {drifter->run.id, drifter->shop->name, pair->sku,
                                    pair->location};
    drift_json_id(&name, id);
    finding->id = pool_span(pool, span_from(id));
    return finding->id.bytes != NULL;
}

static bool add_evidence(const struct drift_looked *looked, size_t at, struct pool *pool,
                         struct drift_finding *finding)
{
    SCOPED(buf_free) struct buf text = {0};
    const struct drift_context *context = &looked->contexts[at];
    const struct drift_evidence evidence = {.facts = &looked->facts[at],
                                            .rule = looked->judgements[at].rule,
                                            .source = context->source,
                                            .occurred_at_us = context->occurred_at_us,
                                            .rival = context->rival,
                                            .contract = context->contract,
                                            .write_id = context->write_id};
    buf_init(&text, EVIDENCE_MAX);
    drift_json_evidence(&evidence, &text);
    if (!text.failed)
        finding->evidence = pool_buf(pool, &text);
    return finding->evidence.bytes != NULL;
}

static int64_t judged_at(const struct drift_facts *facts)
{
    return facts->look.at_us != 0 ? facts->look.at_us : facts->now_us;
}

static bool make_finding(struct drifter *drifter, const struct drift_looked *looked,
                         size_t at, struct drift_finding *finding)
{
    const struct drift_pair *pair = &drifter->looker.pairs.all[at];
    const struct drift_facts *facts = &looked->facts[at];
    const struct drift_context *context = &looked->contexts[at];
    const struct drift_judgement *judgement = &looked->judgements[at];
    const struct risk_input input = {.sku = pair->sku,
                                     .tags = context->tags,
                                     .has_price = context->has_price,
                                     .price_micros = context->price_micros,
                                     .units = judgement->residual};
    struct quantity value = {.known = context->has_price};
    if (value.known)
        value.units = risk_value(&input);
    *finding = (struct drift_finding){
        .run_id = drifter->run.id,
        .shop = drifter->shop->name,
        .sku = pair->sku,
        .location = pair->location,
        .desired = facts->desired,
        .shown = facts->look.shown,
        .residual = judgement->residual,
        .cause = span_from(cause_kind(judgement->rule->cause)->name),
        .rule = span_from(judgement->rule->id),
        .is_high_risk = risk_of(&drifter->settings->contract->risk, &input).high,
        .value_micros = {context->has_price, context->has_price ? risk_value(&input) : 0},
        .observed_at_us = judged_at(facts)};
    return name_finding(drifter, pair, &drifter->looker.work, finding) &&
           add_evidence(looked, at, &drifter->looker.work, finding);
}

/* All is well: what is committed now is what the next look is held against. */
static bool is_baseline(const struct drift_looked *looked, size_t at)
{
    const struct drift_facts *facts = &looked->facts[at];
    return looked->judgements[at].verdict == DRIFT_CLEAN && facts->look.committed.known &&
           facts->known.known && facts->look.shown.known &&
           facts->known.units == facts->look.shown.units &&
           facts->look.committed.units != facts->committed_before.units;
}

/* A command has no metrics. */
static void count_findings(const struct drifter *drifter)
{
    const struct drift_metrics *metrics = &drifter->metrics;
    for (size_t at = 0; metrics->compared != NULL && at < drifter->looker.pairs.count;
         at++) {
        const struct drift_judgement *judgement = &drifter->looker.looked.judgements[at];
        if (judgement->verdict == DRIFT_FOUND)
            metric_add(metrics->findings[judgement->rule->cause], 1);
    }
}

void drift_count_calls(struct drifter *drifter)
{
    drifter->run.calls += drifter->looker.calls;
    drifter->looker.calls = 0;
}

enum status drift_settle(struct drifter *drifter, struct error *error)
{
    struct drift_looked *looked = &drifter->looker.looked;
    struct drift_finding findings[DRIFT_BATCH_MAX];
    enum drift_verdict verdicts[DRIFT_BATCH_MAX];
    int64_t committed[DRIFT_BATCH_MAX];
    bool keep[DRIFT_BATCH_MAX];
    int64_t settle_ms = drifter->settings->settle_ms;
    drift_count_calls(drifter);
    pool_reset(&drifter->looker.work);
    for (size_t at = 0; at < drifter->looker.pairs.count; at++) {
        verdicts[at] = looked->judgements[at].verdict;
        committed[at] = looked->facts[at].look.committed.units;
        keep[at] = is_baseline(looked, at);
        if (verdicts[at] == DRIFT_FOUND &&
            !make_finding(drifter, looked, at, &findings[at]))
            return out_of_memory(error);
    }
    const struct drift_results results = {
        .pairs = &drifter->looker.pairs,
        .verdicts = verdicts,
        .findings = findings,
        .facts = looked->facts,
        .committed = committed,
        .keep_committed = keep,
        .again_ms = settle_ms > AGAIN_MIN_MS ? settle_ms : AGAIN_MIN_MS,
        .tries_max = DRIFT_LOOKS_MAX};
    enum status status =
        store_drift_settle(drifter->looker.postgres, &drifter->run, &results, error);
    if (status == STATUS_OK)
        count_findings(drifter);
    return status;
}
