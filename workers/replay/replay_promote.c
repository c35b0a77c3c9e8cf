/*
 * The shadow in the live state's place. Most of what is missing is judged while apply works
 * on; the rest while it waits at its fence. Then both are at the same offsets, and the swap
 * is one transaction.
 */
#include "workers/replay/replay_compare.h"
#include "workers/replay/replay_former.h"

#include "common/base/check.h"
#include "common/codec/json_text.h"
#include "common/io/store_apply.h"
#include "common/io/store_migrate.h"
#include "common/runtime/login.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS_MAX 10
#define WAIT_MAX_US 60000000LL /* that apply may have to wait */
#define LINE_BYTES_MAX ((size_t)64 * 1024)

/* ---- may it? ------------------------------------------------------------------------------- */

static enum status check_shadow(const struct replay *replay,
                                const struct shadow_facts *facts, struct error *error)
{
    if (facts->promoted)
        return replay_refuse(error, EXIT_DATA, "shadow %s was promoted already",
                             replay->flags->name);
    if (!facts->whole)
        return replay_refuse(error, EXIT_NOT_ALLOWED,
                             "shadow %s is not all that the live state is: %s",
                             replay->flags->name, facts->why_not);
    if (strcmp(facts->topic, replay->topic) != 0)
        return replay_refuse(error, EXIT_NOT_ALLOWED, "the shadow was made of topic %s",
                             facts->topic);
    if (facts->former_of == 0 && strcmp(facts->digest, replay->contract->digest) != 0)
        return replay_refuse(
            error, EXIT_NOT_ALLOWED,
            "the shadow was made with contract file %.12s, "
            "PARSTOCK_CONTRACT is %.12s: give every apply that file, and "
            "promote with it",
            facts->digest, replay->contract->digest);
    return STATUS_OK;
}

/* The flags of the shadow are none: everything. */
static enum status check_choice(struct replay *replay, struct error *error)
{
    char why[REPLAY_WHY_MAX];
    if (replay->flags->fresh || replay->flags->accept_gap)
        return replay_refuse(error, EXIT_USAGE,
                             "--fresh and --accept-gap are for 'replay run'");
    enum status status = replay_choose(replay, true, error);
    if (status != STATUS_OK)
        return status;
    if (replay->choice.text[0] != '\0')
        return replay_refuse(error, EXIT_USAGE, "promote takes the whole shadow");
    bool is_gap = replay_gap(replay, why);
    if (is_gap &&
        (replay->choice.past.partitions > 0 || replay->choice.past.other_topics > 0))
        return replay_refuse(error, EXIT_NOT_ALLOWED, "%s", why);
    return STATUS_OK;
}

/* ---- catching up --------------------------------------------------------------------------- */

static enum status behind_live(struct replay *replay, int64_t *behind_out,
                               struct error *error)
{
    struct replay_reach reach = {0};
    enum status status = replay_prepare(replay, error);
    if (status == STATUS_OK)
        status = replay_look(replay, &reach, error);
    *behind_out = reach.left;
    return status;
}

/* The offsets of the live state anew; the flags are the same, so only they change. */
static enum status follow(struct replay *replay, struct error *error)
{
    struct replay_choice *choice = &replay->choice;
    static struct replay_live_part live[REPLAY_PARTS_MAX];
    size_t count = 0;
    enum status status =
        store_replay_live(replay->live, span_from(replay->topic), live, &count, error);
    for (size_t at = 0; at < count && status == STATUS_OK; at++) {
        if (live[at].partition >= choice->partitions)
            return replay_refuse(error, EXIT_AGAIN, "the topic has got more partitions");
        struct replay_part *part = &choice->parts[live[at].partition];
        part->live = live[at];
        if (part->live.next_offset > part->until)
            part->until = part->live.next_offset;
    }
    return status;
}

static enum status catch_up(struct replay *replay, struct error *error)
{
    int64_t behind = 0;
    struct replay_reach reach = {0};
    enum status status = behind_live(replay, &behind, error);
    for (int round = 0; status == STATUS_OK && behind > replay->flags->max_lag; round++) {
        if (round == ROUNDS_MAX)
            return replay_refuse(error, EXIT_AGAIN,
                                 "the shadow stays %" PRId64 " records behind: the live "
                                 "state grows faster; promote at a quieter time",
                                 behind);
        status = replay_run(replay, &reach, error);
        if (status == STATUS_OK)
            status = follow(replay, error);
        if (status == STATUS_OK)
            status = behind_live(replay, &behind, error);
    }
    return status;
}

/* While the live state stands still. */
static enum status finish(struct replay *replay, struct error *error)
{
    struct replay_reach reach = {0};
    replay->wait_max_us = WAIT_MAX_US;
    enum status status = follow(replay, error);
    for (int32_t at = 0; at < replay->choice.partitions && status == STATUS_OK; at++) {
        const struct replay_part *part = &replay->choice.parts[at];
        const struct shadow_part goal = {.partition = part->partition,
                                         .first_offset = part->from,
                                         .until_offset = part->until};
        status =
            store_shadow_place(replay->shadow, span_from(replay->topic), &goal, error);
    }
    if (status == STATUS_OK)
        status = replay_run(replay, &reach, error);
    return status;
}

static int64_t place_of(const struct shadow_part *parts, size_t count, int32_t partition)
{
    for (size_t at = 0; at < count; at++)
        if (parts[at].partition == partition)
            return parts[at].next_offset;
    return -1;
}

/* Both at the same offsets, every partition. */
static enum status check_places(struct replay *replay, struct error *error)
{
    static struct shadow_part parts[REPLAY_PARTS_MAX];
    size_t count = 0;
    enum status status = store_shadow_parts(replay->shadow, span_from(replay->topic),
                                            parts, &count, error);
    for (int32_t at = 0; at < replay->choice.partitions && status == STATUS_OK; at++) {
        int64_t live = replay->choice.parts[at].live.next_offset;
        int64_t shadow = place_of(parts, count, at);
        if (live >= 0 && live != shadow)
            status = replay_refuse(error, EXIT_INTERNAL,
                                   "partition %d: the shadow is at offset %" PRId64
                                   ", the live state at %" PRId64 "; nothing was changed",
                                   (int)at, shadow, live);
    }
    return status;
}

static enum status swap(struct replay *replay, struct promotion *promotion,
                        struct error *error)
{
    enum status status = finish(replay, error);
    if (status == STATUS_OK)
        status = check_places(replay, error);
    if (status == STATUS_OK)
        status = store_promote_commit(replay->live, promotion, error);
    return status;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static void print_promotion(const struct replay *replay,
                            const struct promotion *promotion)
{
    if (replay->output == OUTPUT_TABLE) {
        printf("shadow %s took the live state's place: %" PRId64
               " levels changed, %" PRId64
               " pairs of shops are decided anew\napply goes on by itself within some "
               "seconds; 'parstock audit' proves the state\nwhat was live is kept: "
               "'parstock undo promotion-%" PRId64 "' brings it back, 'parstock replay "
               "drop --name %s' gives its room back\n",
               replay->flags->name, promotion->levels, promotion->pairs, promotion->id,
               promotion->former.bytes);
        return;
    }
    struct buf line;
    buf_init(&line, LINE_BYTES_MAX);
    buf_byte(&line, '{');
    json_member_text(&line, "shadow", span_from(replay->flags->name));
    json_member_number(&line, "levels_changed", promotion->levels);
    json_member_number(&line, "pairs_undecided", promotion->pairs);
    json_member_number(&line, "promotion", promotion->id);
    json_member_text(&line, "former", promotion->former);
    buf_byte(&line, '}');
    printf("%s\n", line.failed ? "{}" : line.bytes);
    buf_free(&line);
}

static enum status count_pair(void *self, const struct compared_pair *pair,
                              struct error *error)
{
    (void)self;
    (void)pair;
    (void)error;
    return STATUS_OK;
}

static int64_t changes_of(const struct compared_table *table)
{
    int64_t changes = 0;
    for (int difference = DIFFERENCE_ONLY_LIVE; difference < DIFFERENCE_COUNT;
         difference++)
        changes += table->differences[difference];
    return changes;
}

/* What would change, as far as both have judged the same. */
static enum status print_plan(struct replay *replay, struct error *error)
{
    struct comparison comparison;
    const struct comparison_visitor visitor = {.each = count_pair};
    enum status status = replay_compare(replay, &visitor, &comparison, error);
    if (status != STATUS_OK)
        return status;
    struct buf line;
    buf_init(&line, LINE_BYTES_MAX);
    buf_byte(&line, '{');
    for (int what = 0; what < COMPARED_COUNT; what++) {
        const struct compared_table *table = &comparison.tables[what];
        const char *name = compared_name((enum compared)what);
        json_member_number(&line, name, changes_of(table));
        if (replay->output == OUTPUT_TABLE)
            printf("%s: %" PRId64 " of %" PRId64 " would change\n", name,
                   changes_of(table), table->rows[0]);
    }
    json_member_number(&line, "records_behind", comparison.behind);
    if (replay->output != OUTPUT_TABLE)
        printf("%s}\n", line.failed ? "{" : line.bytes);
    else if (comparison.behind > 0)
        printf("%" PRId64 " records are to be judged first\n", comparison.behind);
    buf_free(&line);
    return STATUS_OK;
}

static enum status check_confirmed(const struct replay *replay, struct error *error)
{
    const char *confirm = replay->flags->confirm;
    if (confirm != NULL && strcmp(confirm, replay->flags->name) == 0)
        return STATUS_OK;
    return replay_refuse(error, EXIT_NOT_ALLOWED,
                         "nothing was changed; --confirm %s says that it is meant",
                         replay->flags->name);
}

static enum status approach(struct replay *replay, struct replay_former *former,
                            struct error *error)
{
    enum status status = replay_join(replay, error);
    if (status == STATUS_OK && !replay->is_alone)
        status = replay_refuse(error, EXIT_AGAIN, "a run of this shadow is under way");
    if (status == STATUS_OK)
        status = replay_former_begin(replay, former, error);
    return status == STATUS_OK ? catch_up(replay, error) : status;
}

static enum status promote(struct replay *replay, struct error *error)
{
    char actor[LOGIN_NAME_MAX_BYTES];
    struct replay_former former = {0};
    login_name(actor);
    enum status status = approach(replay, &former, error);
    struct promotion promotion = {.shadow_schema = span_from(replay->shadow_schema),
                                  .former_schema = span_from(former.schema),
                                  .former = span_from(former.name),
                                  .topic = span_from(replay->topic),
                                  .actor = span_from(actor)};
    if (status == STATUS_OK)
        status = store_promote_begin(replay->live, promotion.topic, error);
    if (status == STATUS_OK)
        status = swap(replay, &promotion, error);
    if (status == STATUS_OK) {
        print_promotion(replay, &promotion);
        return STATUS_OK;
    }
    store_abort(replay->live);
    replay_former_drop(replay, &former);
    return status;
}

enum status replay_promote_verb(struct replay *replay, struct error *error)
{
    struct shadow_facts facts;
    enum status status = replay_find(replay, &facts, error);
    if (status == STATUS_OK)
        status = check_shadow(replay, &facts, error);
    if (status == STATUS_OK)
        status = check_choice(replay, error);
    if (status == STATUS_OK && (replay->flags->dry_run || replay->flags->confirm == NULL))
        status = print_plan(replay, error);
    if (status != STATUS_OK || replay->flags->dry_run)
        return status;
    status = check_confirmed(replay, error);
    return status == STATUS_OK ? promote(replay, error) : status;
}
