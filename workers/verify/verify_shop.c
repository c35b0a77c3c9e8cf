#include "common/base/check.h"
#include "common/domain/sample.h"
#include "common/runtime/metrics.h"
#include "workers/verify/verify.h"

#include <stdlib.h>

#define CALL_TIMEOUT_MS 30000
#define POOL_MAX ((size_t)64 << 20)

bool verify_takes_shop(const struct verify_job *job, size_t at)
{
    return job->only_shop < 0 || (size_t)job->only_shop == at;
}

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "verify: out of memory");
}

enum status verify_shop_open(struct verify_job *job, const struct shop *shop,
                             struct verify_shop **out, struct error *error)
{
    struct verify_shop *self = calloc(1, sizeof *self);
    if (self == NULL)
        return out_of_memory(error);
    *out = self;
    self->job = job;
    self->shop = shop;
    metrics_plain_name(shop->name, self->name, sizeof self->name);
    self->looker = (struct drift_looker){.config = job->config,
                                         .contract = job->contract,
                                         .shop = shop,
                                         .name = self->name,
                                         .settle_ms = job->settle_ms,
                                         .postgres = job->postgres};
    pool_init(&self->looker.pool, POOL_MAX);
    pool_init(&self->looker.work, POOL_MAX);
    return shop_access_places(job->contract, shop, &self->places, error);
}

enum status verify_shop_greet(struct verify_shop *self, struct error *error)
{
    enum status status =
        shop_access_open(self->shop, CALL_TIMEOUT_MS, &self->looker.shopify, error);
    return status == STATUS_OK
               ? shop_access_check(self->looker.shopify,
                                   SCOPES_NEEDED & ~SCOPE_WRITE_INVENTORY, error)
               : status;
}

void verify_shop_close(struct verify_shop **slot)
{
    struct verify_shop *self = *slot;
    if (self == NULL)
        return;
    drift_lag_end(&self->looker);
    shopify_close(&self->looker.shopify);
    shop_access_places_free(&self->places);
    pool_free(&self->looker.pool);
    pool_free(&self->looker.work);
    free(self->pairs);
    free(self->seen);
    free(self);
    *slot = NULL;
}

/* Room for one page more. */
static enum status grow(struct verify_shop *self, struct error *error)
{
    if (self->count + DRIFT_BATCH_MAX <= self->room)
        return STATUS_OK;
    size_t room = self->room * 2 + DRIFT_BATCH_MAX;
    struct verify_pair *pairs = realloc(self->pairs, room * sizeof *pairs);
    if (pairs == NULL)
        return out_of_memory(error);
    self->pairs = pairs;
    self->room = room;
    return STATUS_OK;
}

enum status verify_shop_load(struct verify_shop *self, struct error *error)
{
    struct verify_page page = {.run_id = self->job->run.id,
                               .shop = self->shop->name,
                               .places = &self->places,
                               .pool = &self->job->pool};
    enum status status = STATUS_OK;
    size_t count = DRIFT_BATCH_MAX;
    while (status == STATUS_OK && count == DRIFT_BATCH_MAX) {
        status = grow(self, error);
        if (status == STATUS_OK)
            status = store_verify_pairs(self->job->postgres, &page,
                                        &self->pairs[self->count], &count, error);
        if (status != STATUS_OK || count == 0)
            break;
        self->count += count;
        page.after_location = self->pairs[self->count - 1].pair.location;
        page.after_sku = self->pairs[self->count - 1].pair.sku;
    }
    self->seen = calloc(self->count + 1, sizeof *self->seen);
    return self->seen == NULL ? out_of_memory(error) : status;
}
