/*
 * Answers of the shop are hostile bytes: no decoder may read past them, crash, or hand on a
 * value outside its bounds. The first byte chooses the decoder.
 */
#include "common/base/check.h"
#include "common/codec/shopify_hooks.h"
#include "common/codec/shopify_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct shopify_reply reply;
static struct error error;

static void try_set(struct span body, struct pool *pool)
{
    (void)pool;
    static struct push_answer answer;
    static struct push_decision decision;
    answer = (struct push_answer){.http_status = 200};
    if (shopify_decode_set(body, &reply, &answer, &error) != STATUS_OK)
        return;
    ASSERT(answer.error_count <= PUSH_ERRORS_MAX);
    for (size_t at = 0; at < answer.error_count; at++)
        ASSERT(answer.errors[at].pair >= -1 && answer.errors[at].pair < PUSH_PAIRS_MAX);
    push_decide(&answer, 1 + body.length % PUSH_PAIRS_MAX, body.length % 2 == 0,
                &decision);
    ASSERT(decision.rule != NULL);
}

static void try_levels(struct span body, struct pool *pool)
{
    const struct span items[] = {SPAN_OF("gid://shopify/InventoryItem/1"), SPAN_OF("2")};
    struct shopify_level levels[2];
    const struct levels_wanted wanted = {
        .items = items, .count = 1 + body.length % 2, .name = "available", .pool = pool};
    (void)shopify_decode_levels(body, &wanted, &reply, levels, &error);
}

static void try_bulk_run(struct span body, struct pool *pool)
{
    (void)pool;
    static struct shopify_bulk bulk;
    (void)shopify_decode_bulk_run(body, &reply, &bulk, &error);
}

static void try_bulk_status(struct span body, struct pool *pool)
{
    (void)pool;
    static struct shopify_bulk bulk;
    if (shopify_decode_bulk_status(body, &reply, &bulk, &error) == STATUS_OK)
        ASSERT(bulk.object_count >= 0);
}

static void try_bulk_line(struct span body, struct pool *pool)
{
    struct bulk_line line;
    if (shopify_decode_bulk_line(body, pool, &line, &error) != STATUS_OK)
        return;
    ASSERT(line.kind != BULK_LEVEL ||
           (line.item.bytes != NULL && line.location.bytes != NULL));
    ASSERT(line.kind != BULK_VARIANT ||
           (line.item.bytes != NULL && line.tags.bytes != NULL));
    ASSERT(line.price_micros >= 0);
}

static void try_locations(struct span body, struct pool *pool)
{
    static struct shopify_locations found;
    found.pool = pool;
    (void)shopify_decode_locations(body, &reply, &found, &error);
    ASSERT(found.count <= SHOPIFY_LOCATIONS_MAX);
}

static void try_scopes(struct span body, struct pool *pool)
{
    (void)pool;
    unsigned scopes = 0;
    (void)shopify_decode_scopes(body, &reply, &scopes, &error);
    ASSERT((scopes & ~SCOPES_NEEDED) == 0);
}

static void try_token(struct span body, struct pool *pool)
{
    (void)pool;
    static struct shopify_token token;
    if (shopify_decode_token(body, &token, &error) == STATUS_OK)
        ASSERT(token.text[0] != '\0' && token.expires_in_seconds >= 0);
}

static void try_subscriptions(struct span body, struct pool *pool)
{
    static struct subscriptions found;
    struct subscribed done;
    found.pool = pool;
    (void)shopify_decode_subscriptions(body, &reply, &found, &error);
    ASSERT(found.count <= SUBSCRIPTIONS_MAX);
    (void)shopify_decode_subscribed(body, &reply, &done, &error);
}

static void try_nodes(struct span body, struct pool *pool)
{
    const struct span ids[] = {SPAN_OF("a"), SPAN_OF("b")};
    const struct items_wanted wanted = {
        .ids = ids, .count = 1 + body.length % 2, .pool = pool};
    struct item_facts facts[2];
    struct order_line lines[2];
    if (shopify_decode_items(body, &wanted, &reply, facts, &error) == STATUS_OK &&
        !reply.has_top_error)
        ASSERT(facts[0].variant_count <= ITEM_VARIANTS_MAX);
    (void)shopify_decode_order_lines(body, &wanted, &reply, lines, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const DECODERS[])(struct span, struct pool *) = {
        try_set,       try_levels, try_bulk_run, try_bulk_status,   try_bulk_line,
        try_locations, try_scopes, try_token,    try_subscriptions, try_nodes,
    };
    if (size == 0)
        return 0;
    struct pool pool;
    pool_init(&pool, (size_t)1 << 20);
    struct span body = {.bytes = (const char *)data + 1, .length = size - 1};
    DECODERS[data[0] % COUNT_OF(DECODERS)](body, &pool);
    pool_free(&pool);
    return 0;
}
