/*
 * Activation of levels that the shop does not have yet. Repeating one changes nothing, so
 * that no bytes are stored: a process that dies on the way activates the pair once more.
 * The level is read before it is written, as after every unknown outcome.
 */
#include "common/base/check.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/push/push.h"

#include <stdio.h>

#define AT_ONCE 20 /* well inside the lease */

static bool activate(struct pusher *pusher, const struct claimed_pair *pair,
                     struct activated_pair *out)
{
    unsigned char bytes[16];
    char key[37] = "";
    struct shopify_activated activated;
    struct error error = {0};
    push_make_key(bytes, key);
    const struct activate_call call = {pair->item, pair->gid, span_from(key)};
    if (shopify_activate(pusher->shopify, &call, &activated, &error) != STATUS_OK) {
        push_trouble(pusher, "shop", &error);
        return false;
    }
    *out = (struct activated_pair){
        .sku = pair->sku,
        .location = pair->location,
        .fault = activated.active ? "" : "quarantined: ACTIVATION_REFUSED"};
    if (!activated.active)
        log_warn("the shop refuses to stock an item", LOG_TEXT("shop", pusher->name),
                 LOG_TEXT("detail", activated.refusal), LOG_END);
    return true;
}

static void keep(struct pusher *pusher, const struct activated_pair *done, size_t count)
{
    struct error error = {0};
    if (count == 0)
        return;
    if (store_activated(pusher->postgres, &pusher->lease, done, count, &error) !=
        STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return;
    }
    if (pusher->lease.lost) {
        push_lost(pusher);
        return;
    }
    log_info("levels activated", LOG_TEXT("shop", pusher->name),
             LOG_INT("pairs", (int64_t)count), LOG_END);
}

void push_activate(struct pusher *pusher, const struct claimed_pair *const *pairs,
                   size_t count)
{
    struct activated_pair done[AT_ONCE];
    size_t made = 0;
    ASSERT(count > 0);
    for (size_t at = 0; at < count && made < AT_ONCE && !life_ending(); at++) {
        if (!push_may_pay(pusher, SHOPIFY_SET_POINTS) ||
            !activate(pusher, pairs[at], &done[made]))
            break;
        made++;
    }
    keep(pusher, done, made);
}
