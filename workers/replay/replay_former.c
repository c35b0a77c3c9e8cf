/*
 * The state that a promoted shadow took the place of. It is kept as a shadow that has judged
 * all that it had: so it can judge what came since, and be promoted in its turn. Nothing that
 * came between is lost, and nothing of it need be on the topic but that.
 */
#include "workers/replay/replay_former.h"

#include "common/base/scope.h"
#include "common/io/store_apply.h"
#include "common/io/store_migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "former_"

bool replay_is_former(const char *name)
{
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

/* ---- going on ------------------------------------------------------------------------------ */

enum status replay_former_adopt(struct replay *replay, struct shadow_facts *facts,
                                struct error *error)
{
    struct span text = buf_view(&replay->contract_text);
    enum status status = replay_former_check(replay, error);
    if (status != STATUS_OK || strcmp(facts->digest, replay->contract->digest) == 0)
        return status;
    (void)snprintf(facts->digest, sizeof(facts->digest), "%s", replay->contract->digest);
    status =
        store_contract(replay->live, replay->contract, text, &facts->contract, error);
    return status == STATUS_OK ? store_shadow_adopt(replay->shadow, facts, text, error)
                               : status;
}

enum status replay_former_check(struct replay *replay, struct error *error)
{
    static struct shadow_part parts[REPLAY_PARTS_MAX];
    const struct replay_choice *choice = &replay->choice;
    size_t count = 0;
    enum status status = store_shadow_parts(replay->shadow, span_from(replay->topic),
                                            parts, &count, error);
    for (size_t at = 0; at < count && status == STATUS_OK; at++) {
        int32_t partition = parts[at].partition;
        if (partition < choice->partitions &&
            choice->parts[partition].held.first > parts[at].next_offset)
            return replay_refuse(
                error, EXIT_NOT_ALLOWED,
                "records_gone: partition %d of the topic begins at offset "
                "%" PRId64 ", the former state is at %" PRId64
                ": what was judged since can't be judged again",
                (int)partition, choice->parts[partition].held.first,
                parts[at].next_offset);
    }
    return status;
}

/* ---- kept ---------------------------------------------------------------------------------- */

void replay_former_drop(struct replay *replay, const struct replay_former *former)
{
    struct error ignored = {0};
    if (former->schema[0] != '\0')
        (void)store_schema_drop(replay->live, former->schema, &ignored);
}

/* What an earlier try left is in the way of nobody. */
static enum status make(struct replay *replay, const struct replay_former *former,
                        struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    struct migration_report report = {0};
    const struct migration_wish wish = {.schema = former->schema};
    enum status status = store_schema_drop(replay->live, former->schema, error);
    if (status == STATUS_OK)
        status = replay_connect(replay, former->schema, &postgres, error);
    return status == STATUS_OK ? store_migrate(postgres, &wish, &report, error) : status;
}

enum status replay_former_begin(struct replay *replay, struct replay_former *former,
                                struct error *error)
{
    *former = (struct replay_former){0};
    enum status status = store_replay_lock(replay->live, span_from("promote"), error);
    if (status == STATUS_OK)
        status = store_promote_name(replay->live, former->name, error);
    if (status == STATUS_OK)
        status =
            shadow_schema(replay->config->schema, former->name, former->schema, error);
    if (status == STATUS_OK)
        status = make(replay, former, error);
    if (status == STATUS_OK)
        status = store_promote_pages(replay->live, span_from(former->schema), error);
    return status;
}
