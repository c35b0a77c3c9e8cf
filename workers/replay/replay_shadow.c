#include "workers/replay/replay.h"

#include "common/base/check.h"
#include "common/codec/contract_json.h"
#include "common/io/store_apply.h"
#include "common/io/store_migrate.h"

#include <stdio.h>

/* ---- found --------------------------------------------------------------------------------- */

enum status replay_find(struct replay *replay, struct shadow_facts *facts_out,
                        struct error *error)
{
    enum status status = replay_shadow(replay, error);
    if (status == STATUS_OK)
        status = store_shadow_find(replay->shadow, facts_out, error);
    if (status != STATUS_OK || facts_out->exists)
        return status;
    return replay_refuse(error, EXIT_DATA,
                         "there is no shadow %s; 'parstock replay run' makes it",
                         replay->flags->name);
}

enum status replay_drop(struct replay *replay, struct error *error)
{
    return store_schema_drop(replay->live, replay->shadow_schema, error);
}

static enum status check_same(const struct replay *replay,
                              const struct shadow_facts *facts, struct error *error)
{
    const char *what = NULL;
    if (facts->promoted)
        what = "was promoted";
    else if (strcmp(facts->choice, replay->choice.text) != 0)
        what = "was made of another choice";
    else if (strcmp(facts->topic, replay->topic) != 0)
        what = "was made of another topic";
    else if (strcmp(facts->digest, replay->contract->digest) != 0)
        what = "was made with another contract file";
    if (what == NULL)
        return STATUS_OK;
    return replay_refuse(error, EXIT_DATA,
                         "shadow %s %s; --fresh drops it and begins anew, --name gives "
                         "this one another name",
                         replay->flags->name, what);
}

/* ---- made ---------------------------------------------------------------------------------- */

static enum status check_gap(const struct replay *replay, struct error *error)
{
    char why[REPLAY_WHY_MAX];
    if (!replay_gap(replay, why) || replay->flags->accept_gap)
        return STATUS_OK;
    return replay_refuse(error, EXIT_NOT_ALLOWED,
                         "%s; --accept-gap replays what there is, to look at and not to "
                         "promote",
                         why);
}

static enum status make(struct replay *replay, struct error *error)
{
    struct shadow_facts facts = {0};
    struct migration_report report = {0};
    const struct migration_wish wish = {.schema = replay->shadow_schema};
    if (replay_is_former(replay->flags->name))
        return replay_refuse(error, EXIT_USAGE,
                             "there is no shadow %s, and its name is for former states",
                             replay->flags->name);
    enum status status = check_gap(replay, error);
    if (status != STATUS_OK)
        return status;
    replay_why_not_whole(replay, facts.why_not);
    facts.whole = facts.why_not[0] == '\0';
    (void)snprintf(facts.topic, sizeof(facts.topic), "%s", replay->topic);
    (void)snprintf(facts.choice, sizeof(facts.choice), "%s", replay->choice.text);
    (void)snprintf(facts.sku, sizeof(facts.sku), "%.*s", SPAN_ARGS(replay->choice.sku));
    (void)snprintf(facts.digest, sizeof(facts.digest), "%s", replay->contract->digest);
    status = store_migrate(replay->shadow, &wish, &report, error);
    if (status == STATUS_OK)
        status = store_contract(replay->live, replay->contract,
                                buf_view(&replay->contract_text), &facts.contract, error);
    if (status == STATUS_OK)
        status = store_shadow_make(replay->shadow, &facts,
                                   buf_view(&replay->contract_text), error);
    return status;
}

/* A shadow of everything follows the live state; one of a choice has the ends it was given. */
static enum status place(struct replay *replay, struct error *error)
{
    enum status status = STATUS_OK;
    for (int32_t at = 0; at < replay->choice.partitions && status == STATUS_OK; at++) {
        const struct replay_part *part = &replay->choice.parts[at];
        const struct shadow_part goal = {.partition = part->partition,
                                         .first_offset = part->from,
                                         .until_offset = part->until};
        status =
            store_shadow_place(replay->shadow, span_from(replay->topic), &goal, error);
    }
    return status;
}

static enum status prepare_locked(struct replay *replay, struct error *error)
{
    struct shadow_facts facts = {0};
    enum status status = STATUS_OK;
    if (replay->flags->fresh)
        status = replay_drop(replay, error);
    if (status == STATUS_OK)
        status = replay_shadow(replay, error);
    if (status == STATUS_OK)
        status = store_shadow_find(replay->shadow, &facts, error);
    if (status != STATUS_OK)
        return status;
    if (facts.former_of > 0 && !facts.promoted)
        status = replay_former_adopt(replay, &facts, error);
    if (status == STATUS_OK)
        status = facts.exists ? check_same(replay, &facts, error) : make(replay, error);
    return status == STATUS_OK ? place(replay, error) : status;
}

enum status replay_prepare(struct replay *replay, struct error *error)
{
    struct span name = span_from(replay->shadow_schema);
    struct error ignored = {0};
    enum status status = store_replay_lock(replay->live, name, error);
    if (status != STATUS_OK)
        return status;
    status = prepare_locked(replay, error);
    (void)store_replay_unlock(replay->live, name, &ignored);
    return status;
}
