#include "common/base/check.h"
#include "common/base/scope.h"
#include "workers/dead_letters/letters.h"

#include "common/runtime/life.h"

#include <stdlib.h>

/* The record would get the time of its sending. */
static void decode(struct letters *self, struct letters_attempt *attempt,
                   struct pool *pool)
{
    struct cloud_attributes cloud;
    letter_cloud(&attempt->letter, &cloud);
    const struct event_input input = {.contract = self->contract,
                                      .value = attempt->value,
                                      .recorded_at_ms = clock_now_us() / 1000,
                                      .cloud = &cloud};
    attempt->detail[0] = '\0';
    attempt->reason =
        event_json_decode(self->decoder, &input, pool, &attempt->event, attempt->detail);
    if (attempt->reason == REASON_NONE && attempt->event.location_code.bytes == NULL)
        attempt->event.location_code = SPAN_OF("");
    if (attempt->reason == REASON_NONE)
        return;
    attempt->is_judged = true;
    attempt->verdict = judge(&(struct question){.reason = attempt->reason});
}

/* ---- the ledger ----------------------------------------------------------------------------- */

static enum status ask_keys(struct letters *self, struct letters_attempt *attempts,
                            size_t count, struct pool *pool, struct error *error)
{
    struct letter_key *keys = pool_take(pool, (count + 1) * sizeof(*keys));
    size_t *at_of = pool_take(pool, (count + 1) * sizeof(*at_of));
    size_t asked = 0;
    if (keys == NULL || at_of == NULL)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    for (size_t at = 0; at < count; at++) {
        if (attempts[at].reason != REASON_NONE)
            continue;
        keys[asked] = (struct letter_key){.key = attempts[at].identity.key};
        at_of[asked++] = at;
    }
    if (asked == 0)
        return STATUS_OK;
    enum status status = store_letters_keys(self->postgres, keys, asked, error);
    for (size_t at = 0; at < asked && status == STATUS_OK; at++) {
        attempts[at_of[at]].is_known = keys[at].is_known;
        attempts[at_of[at]].fingerprint = keys[at].fingerprint;
    }
    return status;
}

/* ---- the place ------------------------------------------------------------------------------- */

static enum seen seen_of(const struct letters_attempt *attempt)
{
    if (!attempt->is_known)
        return SEEN_NEVER;
    return attempt->fingerprint == attempt->identity.fingerprint ? SEEN_SAME : SEEN_OTHER;
}

static enum status judge_placed(struct letters *self, struct letters_attempt *attempt,
                                struct reading *readings, struct error *error)
{
    const struct contract *contract = self->contract;
    size_t slots = contract->source_count + contract->shop_count;
    struct letter_place_state state = {.readings = readings};
    int64_t later = 0;
    memset(readings, 0, slots * sizeof(*readings));
    enum status status =
        store_letters_place(self->postgres, contract, &attempt->event, &state, error);
    int slot = judge_slot(contract, &attempt->event);
    if (status == STATUS_OK && reading_needs_later(&readings[slot], &attempt->event))
        status = store_letters_later(self->postgres, &attempt->event, &later, error);
    if (status != STATUS_OK)
        return status;
    const struct question question = {.seen = seen_of(attempt),
                                      .event = &attempt->event,
                                      .contract = contract,
                                      .readings = readings,
                                      .level = &state.level,
                                      .adjusted_later = later,
                                      .recorded_at_ms = clock_now_us() / 1000};
    attempt->verdict = judge(&question);
    attempt->is_judged = true;
    return STATUS_OK;
}

static enum status judge_all(struct letters *self, struct letters_attempt *attempts,
                             size_t count, struct pool *pool, struct error *error)
{
    size_t slots = self->contract->source_count + self->contract->shop_count;
    struct reading *readings = pool_take(pool, slots * sizeof(*readings));
    enum status status = STATUS_OK;
    if (readings == NULL)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    for (size_t at = 0; at < count && status == STATUS_OK; at++)
        if (attempts[at].reason == REASON_NONE)
            status = judge_placed(self, &attempts[at], readings, error);
    return status;
}

/* ---- all of it --------------------------------------------------------------------------------- */

enum status letters_judge(struct letters *self, struct letters_attempt *attempts,
                          size_t count, struct pool *pool, struct error *error)
{
    ASSERT(self->contract != NULL);
    SCOPED(event_hasher_free) struct event_hasher *hasher = event_hasher_new();
    if (hasher == NULL)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    for (size_t at = 0; at < count; at++) {
        decode(self, &attempts[at], pool);
        if (attempts[at].reason == REASON_NONE)
            event_identity(hasher, &attempts[at].event, &attempts[at].identity);
    }
    if (self->postgres == NULL)
        return STATUS_OK;
    enum status status = ask_keys(self, attempts, count, pool, error);
    return status == STATUS_OK ? judge_all(self, attempts, count, pool, error) : status;
}

const char *letters_expected(const struct letters_attempt *attempt)
{
    return attempt->is_judged ? outcome_name(attempt->verdict.outcome) : "not known";
}

bool letters_is_refused(const struct letters_attempt *attempt)
{
    return attempt->is_judged && attempt->verdict.outcome == OUTCOME_REJECTED;
}
