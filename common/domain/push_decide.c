#include "common/domain/push_decide.h"

#include "common/base/check.h"

static void all_pairs(struct push_decision *decision, size_t count, enum push_fate fate,
                      const struct push_rule *rule)
{
    for (size_t at = 0; at < count; at++) {
        decision->fates[at] = fate;
        decision->fate_rules[at] = rule;
    }
}

static bool keeps_open(enum push_verdict verdict)
{
    return verdict == PUSH_RETRY_SAME || verdict == PUSH_UNKNOWN ||
           verdict == PUSH_THROTTLED || verdict == PUSH_RENEW_TOKEN;
}

/* Weight of verdicts that stand side by side in one answer: the heaviest decides. */
static int weight(enum push_verdict verdict)
{
    static const int WEIGHTS[PUSH_VERDICT_COUNT] = {
        [PUSH_QUARANTINE_PAIR] = 1, [PUSH_REREAD_NEW_KEY] = 2, [PUSH_CONFIGURATION] = 3,
        [PUSH_RENEW_TOKEN] = 4,     [PUSH_THROTTLED] = 5,      [PUSH_RETRY_SAME] = 6,
        [PUSH_UNKNOWN] = 7,
    };
    return WEIGHTS[verdict];
}

static const struct push_rule *heaviest(const struct push_answer *answer)
{
    const struct push_rule *heavy = NULL;
    for (size_t at = 0; at < answer->error_count; at++) {
        const struct push_rule *rule =
            push_rule_by_code(PUSH_MATCH_USER_CODE, span_from(answer->errors[at].code));
        if (heavy == NULL || weight(rule->verdict) > weight(heavy->verdict))
            heavy = rule;
    }
    return heavy;
}

/* The rule for the call as a whole; NULL: userErrors speak of single pairs. */
static const struct push_rule *rule_of_call(const struct push_answer *answer)
{
    if (answer->transport != 0)
        return push_rule_by_number(PUSH_MATCH_TRANSPORT, (int)answer->transport);
    if (answer->http_status != 200)
        return push_rule_by_number(PUSH_MATCH_HTTP, answer->http_status);
    if (answer->has_top_error)
        return push_rule_by_code(PUSH_MATCH_TOP_CODE, span_from(answer->top_code));
    if (answer->error_count == 0)
        return push_rule_applied();
    return NULL;
}

static const struct push_rule *rule_of_error(const struct push_user_error *error)
{
    return push_rule_by_code(PUSH_MATCH_USER_CODE, span_from(error->code));
}

/* The pair that an error speaks of; -1: it does not say. A call of one pair needs no
 * name. */
static int pair_of_error(const struct push_user_error *error, size_t count)
{
    if (error->pair >= 0 && (size_t)error->pair < count)
        return error->pair;
    return count == 1 ? 0 : -1;
}

/* Is what we know of the unnamed pairs still true after this refusal? */
static bool must_reread(const struct push_answer *answer, size_t count,
                        bool maybe_applied)
{
    if (maybe_applied || answer->has_group || answer->errors_cut)
        return true;
    for (size_t at = 0; at < answer->error_count; at++)
        if (rule_of_error(&answer->errors[at])->verdict == PUSH_REREAD_NEW_KEY &&
            pair_of_error(&answer->errors[at], count) < 0)
            return true;
    return false;
}

/* A stale compare is stronger than a quarantine, which may rest on the old number. */
static void mark_pair(struct push_decision *decision, int pair,
                      const struct push_rule *rule)
{
    bool reread = rule->verdict == PUSH_REREAD_NEW_KEY;
    bool was_stale = decision->fates[pair] == PUSH_FATE_REREAD &&
                     decision->fate_rules[pair]->verdict == PUSH_REREAD_NEW_KEY;
    if (was_stale && !reread)
        return;
    decision->fates[pair] = reread ? PUSH_FATE_REREAD : PUSH_FATE_QUARANTINE;
    decision->fate_rules[pair] = rule;
}

static void mark_pairs(const struct push_answer *answer, size_t count,
                       struct push_decision *decision)
{
    for (size_t at = 0; at < answer->error_count; at++) {
        const struct push_rule *rule = rule_of_error(&answer->errors[at]);
        int pair = pair_of_error(&answer->errors[at], count);
        bool of_pair =
            rule->verdict == PUSH_REREAD_NEW_KEY || rule->verdict == PUSH_QUARANTINE_PAIR;
        if (pair >= 0 && of_pair)
            mark_pair(decision, pair, rule);
        else if (rule->verdict == PUSH_QUARANTINE_PAIR)
            decision->split = true;
    }
}

static void settle(const struct push_answer *answer, size_t count, bool maybe_applied,
                   struct push_decision *decision)
{
    decision->next = PUSH_NEXT_SETTLE;
    if (decision->rule->verdict == PUSH_APPLIED) {
        all_pairs(decision, count, PUSH_FATE_APPLIED, decision->rule);
        return;
    }
    enum push_fate rest =
        must_reread(answer, count, maybe_applied) ? PUSH_FATE_REREAD : PUSH_FATE_KEEP;
    all_pairs(decision, count, rest, decision->rule);
    if (decision->rule->verdict != PUSH_CONFIGURATION)
        mark_pairs(answer, count, decision);
}

void push_decide(const struct push_answer *answer, size_t pair_count, bool maybe_applied,
                 struct push_decision *decision)
{
    ASSERT(pair_count > 0 && pair_count <= PUSH_PAIRS_MAX);
    ASSERT(answer->error_count <= PUSH_ERRORS_MAX);
    *decision = (struct push_decision){0};
    decision->rule = rule_of_call(answer);
    if (decision->rule == NULL)
        decision->rule = heaviest(answer);
    ASSERT(decision->rule != NULL); /* every answer has a row */
    if (!keeps_open(decision->rule->verdict)) {
        settle(answer, pair_count, maybe_applied, decision);
        return;
    }
    decision->next = PUSH_NEXT_WAIT;
    decision->unknown = decision->rule->verdict == PUSH_UNKNOWN ||
                        decision->rule->match == PUSH_MATCH_USER_CODE;
}
