#include "common/runtime/shop_webhooks.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdio.h>

struct span shop_webhook_uri(const char *address, const struct shop *shop,
                             struct pool *pool)
{
    SCOPED(buf_free) struct buf text = {0};
    buf_init(&text, SUBSCRIPTION_URI_MAX);
    buf_format(&text, "%s" SHOP_WEBHOOKS_PATH "%.*s", address, SPAN_ARGS(shop->name));
    return pool_buf(pool, &text);
}

static bool ends_with(struct span text, struct span end)
{
    return text.length >= end.length &&
           memcmp(text.bytes + text.length - end.length, end.bytes, end.length) == 0;
}

/* Where webhooks of the shop should go: a whole address, or the end of one. */
struct target {
    struct span uri;
    bool is_whole;
};

static bool fits(const struct target *target, const struct subscription *given)
{
    return target->is_whole ? span_equal(given->uri, target->uri)
                            : ends_with(given->uri, target->uri);
}

static enum webhook_state state_of(const struct subscription *given)
{
    if (!given->is_json)
        return WEBHOOK_STATE_FORMAT;
    return given->lacks_fields != 0 ? WEBHOOK_STATE_NARROW : WEBHOOK_STATE_GOOD;
}

static void compare_topic(const struct subscriptions *found, const struct target *target,
                          enum webhook_topic topic, struct shop_webhooks *out)
{
    struct shop_webhook *wanted = &out->topics[topic];
    *wanted = (struct shop_webhook){.state = WEBHOOK_STATE_MISSING};
    if (target->is_whole)
        wanted->uri = target->uri;
    for (size_t at = 0; at < found->count; at++) {
        const struct subscription *given = &found->all[at];
        if (!span_is(given->topic, webhook_kind(topic)->name))
            continue;
        if (!fits(target, given)) {
            out->elsewhere++;
            continue;
        }
        /* Of several the best: what one lacks another sends. */
        if (wanted->id.bytes == NULL || wanted->state != WEBHOOK_STATE_GOOD)
            *wanted = (struct shop_webhook){state_of(given), given->id, given->uri};
    }
    out->missing += wanted->state != WEBHOOK_STATE_GOOD;
}

static enum status ask(struct shopify *shopify, struct subscriptions *found,
                       struct error *error)
{
    enum status status = STATUS_OK;
    int tries = 0;
    do {
        status = shopify_subscriptions(shopify, found, error);
    } while (shop_access_again(shopify, status, error, &tries));
    if (status == STATUS_OK && found->is_cut)
        return error_set(error, STATUS_FATAL,
                         "the app has more than %d webhook subscriptions: remove those "
                         "that nothing listens to",
                         SUBSCRIPTIONS_MAX);
    return status;
}

enum status shop_webhooks_look(struct shopify *shopify, const struct shop *shop,
                               struct shop_webhooks *webhooks, struct error *error)
{
    const char *address = webhooks->address;
    struct pool *pool = webhooks->pool;
    *webhooks = (struct shop_webhooks){.address = address, .pool = pool};
    const struct target target = {
        .uri = shop_webhook_uri(address != NULL ? address : "", shop, pool),
        .is_whole = address != NULL};
    struct subscriptions *found = pool_take(pool, sizeof *found);
    if (found == NULL || target.uri.bytes == NULL)
        return error_set(error, STATUS_RETRY, "out of memory");
    found->pool = pool;
    enum status status = ask(shopify, found, error);
    if (status != STATUS_OK)
        return status;
    for (int topic = 0; topic < WEBHOOK_TOPIC_COUNT; topic++)
        compare_topic(found, &target, (enum webhook_topic)topic, webhooks);
    return STATUS_OK;
}

static const struct {
    const char *word;
    const char *why;
} STATES[] = {
    [WEBHOOK_STATE_GOOD] = {"good", ""},
    [WEBHOOK_STATE_MISSING] = {"missing",
                               "the shop sends no such webhook to this address: run "
                               "'parstock webhooks ensure'"},
    [WEBHOOK_STATE_NARROW] = {"narrow",
                              "the subscription leaves out fields that are needed: run "
                              "'parstock webhooks ensure'"},
    [WEBHOOK_STATE_FORMAT] = {"format",
                              "the subscription does not send JSON: run 'parstock "
                              "webhooks ensure'"},
};

const char *webhook_state_word(enum webhook_state state)
{
    ASSERT((size_t)state < COUNT_OF(STATES));
    return STATES[state].word;
}

const char *webhook_state_why(enum webhook_state state)
{
    ASSERT((size_t)state < COUNT_OF(STATES));
    return STATES[state].why;
}

void shop_webhooks_list(const struct shop_webhooks *webhooks, char *room, size_t size)
{
    size_t length = 0;
    room[0] = '\0';
    for (int topic = 0; topic < WEBHOOK_TOPIC_COUNT && length < size; topic++) {
        if (webhooks->topics[topic].state == WEBHOOK_STATE_GOOD)
            continue;
        int added = snprintf(room + length, size - length, "%s%s", length > 0 ? ", " : "",
                             webhook_kind((enum webhook_topic)topic)->id);
        length += added > 0 ? (size_t)added : 0;
    }
}
