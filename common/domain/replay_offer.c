#include "common/domain/replay_offer.h"

#include "common/base/check.h"

#define DAY_US (24 * 3600 * INT64_C(1000000))

struct row {
    struct replay_offer_rule rule;
    bool (*fits)(const struct replay_offer_question *question);
};

static bool is_refused(const struct replay_offer_question *question)
{
    return question->reason != REASON_NONE;
}

static bool is_another(const struct replay_offer_question *question)
{
    const struct event *event = question->event;
    return (question->sku.bytes != NULL && !span_equal(question->sku, event->sku)) ||
           (question->source.bytes != NULL &&
            !span_equal(question->source, event->source_name));
}

/* A count says what there is, however often it is said; a change adds up. */
static bool is_relative(const struct event *event)
{
    return event->type == EVENT_ADJUSTED || event->type == EVENT_ORDERED;
}

static bool is_too_old(const struct replay_offer_question *question)
{
    int64_t horizon_us = question->idempotency_days * DAY_US;
    return is_relative(question->event) &&
           question->event->occurred_at_us < question->now_us - horizon_us;
}

static bool is_any(const struct replay_offer_question *question)
{
    (void)question;
    return true;
}

static const struct row ROWS[] = {
    {{"refused", "no event by this contract file: apply has refused it and would again",
      REPLAY_REFUSED},
     is_refused},
    {{"not_chosen", "of another SKU or source", REPLAY_NOT_CHOSEN}, is_another},
    {{"too_old",
      "a change older than the ledger remembers: nothing can prove that it is no repeat",
      REPLAY_TOO_OLD},
     is_too_old},
    {{"publish", "judged as any event: a repeat where the ledger knows it",
      REPLAY_PUBLISH},
     is_any},
};

const struct replay_offer_rule *replay_offer(const struct replay_offer_question *question)
{
    size_t at = 0;
    while (!ROWS[at].fits(question))
        at++;
    ASSERT(at < sizeof(ROWS) / sizeof(ROWS[0]));
    return &ROWS[at].rule;
}
