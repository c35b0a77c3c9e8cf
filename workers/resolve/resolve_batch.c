/*
 * One batch: the oldest records in hand, decided and acted on in one transaction. A pair
 * comes in it once, so that what is known of it is true for each of its findings; the rest
 * waits for the next batch.
 */
#include "common/base/check.h"
#include "common/codec/finding_json.h"
#include "common/runtime/log.h"
#include "common/runtime/trace_incidents.h"
#include "workers/resolve/resolve.h"

static bool is_same_pair(const struct finding *left, const struct finding *right)
{
    return span_equal(left->shop, right->shop) && span_equal(left->sku, right->sku) &&
           span_equal(left->location, right->location);
}

static bool is_in(const struct batch *batch, const struct finding *finding)
{
    for (size_t at = 0; at < batch->count; at++)
        if (is_same_pair(&batch->findings[at], finding))
            return true;
    return false;
}

static void refuse(struct batch *batch, const struct kafka_record *record,
                   const char *why)
{
    batch->refused++;
    log_warn("a record is no finding of ours; it is passed over",
             LOG_INT("partition", record->partition), LOG_INT("offset", record->offset),
             LOG_TEXT("why", why), LOG_END);
}

/* False: the batch ends before this record. */
static enum status add(struct resolve *resolve, struct batch *batch,
                       struct kafka_record *record, bool *taken_out, struct error *error)
{
    struct finding *finding = &batch->findings[batch->count];
    *taken_out = true;
    enum status status = finding_decode(record->value, &resolve->pool, finding, error);
    if (status == STATUS_RETRY)
        return status;
    if (status != STATUS_OK) {
        refuse(batch, record, error->text);
        return STATUS_OK;
    }
    if (contract_shop(resolve->contract, finding->shop) < 0) {
        refuse(batch, record, "its shop is none of the contract's");
        return STATUS_OK;
    }
    *taken_out = !is_in(batch, finding);
    if (*taken_out)
        batch->items[batch->count++] = (struct batch_item){.record = record};
    return STATUS_OK;
}

static enum status fill(struct resolve *resolve, struct batch *batch, struct error *error)
{
    bool taken = true;
    enum status status = STATUS_OK;
    for (size_t at = 0; at < resolve->record_count && taken && status == STATUS_OK;
         at++) {
        status = add(resolve, batch, &resolve->records[at], &taken, error);
        if (taken && status == STATUS_OK)
            batch->record_count++;
    }
    return status;
}

/* ---- acting ----------------------------------------------------------------------------- */

static enum status act(struct resolve *resolve, struct batch *batch, struct error *error)
{
    size_t places[RESOLVE_BATCH_MAX];
    size_t count = 0;
    for (size_t at = 0; at < batch->count; at++) {
        const struct finding *finding = &batch->findings[at];
        const struct resolve_decision *decision = &batch->items[at].decision;
        if (batch->beside.is_done[at])
            continue;
        places[count] = at;
        batch->acts[count++] = (struct resolve_act){.id = finding->id,
                                                    .sku = finding->sku,
                                                    .shop = finding->shop,
                                                    .location = finding->location,
                                                    .run_id = finding->run_id,
                                                    .batch = SPAN_OF(""),
                                                    .action = decision->action,
                                                    .is_rule = true,
                                                    .rule = decision->verdict.rule->id,
                                                    .bar = span_from(decision->bar),
                                                    .actor = SPAN_OF(RESOLVE_ACTOR),
                                                    .state = decision->state};
    }
    enum status status =
        store_resolve_act(resolve->postgres, batch->acts, count, batch->is_new, error);
    for (size_t at = 0; at < count && status == STATUS_OK; at++)
        batch->items[places[at]].is_new = batch->is_new[at];
    return status;
}

/* One row a partition; records of a partition are in order. */
static enum status reach(struct resolve *resolve, const struct batch *batch,
                         struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < batch->record_count && status == STATUS_OK; at++) {
        const struct kafka_record *record = &resolve->records[at];
        bool is_last = true;
        for (size_t later = at + 1; later < batch->record_count && is_last; later++)
            is_last = resolve->records[later].partition != record->partition;
        if (is_last)
            status = store_resolve_reached(resolve->postgres, span_from(resolve->topic),
                                           record->partition, record->offset + 1, error);
    }
    return status;
}

static enum status commit(struct resolve *resolve, struct batch *batch,
                          struct error *error)
{
    struct postgres *postgres = resolve->postgres;
    batch->beside.findings = batch->findings;
    batch->beside.count = batch->count;
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK && batch->count > 0)
        status = store_resolve_beside(postgres, &batch->beside, &resolve->pool, error);
    if (status == STATUS_OK)
        status = resolve_decide_all(resolve, batch, error);
    if (status == STATUS_OK)
        status = act(resolve, batch, error);
    if (status == STATUS_OK)
        status = reach(resolve, batch, error);
    if (status == STATUS_OK)
        status = resolve_tell(resolve, batch, error);
    if (status == STATUS_OK)
        status = postgres_script(postgres, "COMMIT", error);
    if (status == STATUS_OK)
        trace_incidents(&batch->changes);
    return status;
}

enum status resolve_batch(struct resolve *resolve, struct batch **batch_out,
                          struct error *error)
{
    struct batch *batch = pool_take(&resolve->pool, sizeof(*batch));
    if (batch == NULL)
        return error_set(error, STATUS_RETRY, "resolve: out of memory");
    memset(batch, 0, sizeof(*batch));
    *batch_out = batch;
    enum status status = fill(resolve, batch, error);
    return status == STATUS_OK ? commit(resolve, batch, error) : status;
}
