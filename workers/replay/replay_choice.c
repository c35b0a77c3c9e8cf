#include "workers/replay/replay.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/codec/rfc3339.h"
#include "common/codec/sku_unicode.h"

#include <stdio.h>
#include <stdlib.h>

#define OPEN_WAIT_MS 15000

/* ---- the choice as text -------------------------------------------------------------------- */

static enum status add_flag(struct replay_choice *choice, const char *name,
                            const char *value, struct error *error)
{
    size_t used = strlen(choice->text);
    if (value == NULL)
        return STATUS_OK;
    int length = snprintf(choice->text + used, sizeof(choice->text) - used, "%s--%s %s",
                          used > 0 ? " " : "", name, value);
    if (length > 0 && (size_t)length < sizeof(choice->text) - used)
        return STATUS_OK;
    return replay_refuse(error, EXIT_USAGE, "the choice is longer than %zu characters",
                         sizeof(choice->text) - 1);
}

static enum status write_choice(struct replay *replay, struct error *error)
{
    const struct replay_flags *flags = replay->flags;
    const struct {
        const char *name;
        const char *value;
    } given[] = {{"since", flags->since},
                 {"until", flags->until},
                 {"from", flags->from},
                 {"to", flags->to},
                 {"sku", replay->choice.sku.bytes},
                 {"source", flags->source}};
    enum status status = STATUS_OK;
    for (size_t at = 0; at < COUNT_OF(given) && status == STATUS_OK; at++)
        status = add_flag(&replay->choice, given[at].name, given[at].value, error);
    return status;
}

static enum status read_sku(struct replay *replay, struct error *error)
{
    struct replay_choice *choice = &replay->choice;
    struct span sku;
    if (replay->flags->sku == NULL)
        return STATUS_OK;
    enum reason reason = sku_normalise(span_from(replay->flags->sku),
                                       replay->contract->sku_steps, &replay->pool, &sku);
    if (reason != REASON_NONE)
        return replay_refuse(error, EXIT_USAGE, "--sku: %s: %s", reason_code(reason),
                             reason_remedy(reason));
    char *text = pool_take(&replay->pool, sku.length + 1);
    if (text == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    memcpy(text, sku.bytes, sku.length);
    text[sku.length] = '\0';
    choice->sku = span_from(text);
    return STATUS_OK;
}

static enum status read_source(struct replay *replay, struct error *error)
{
    const char *name = replay->flags->source;
    if (name == NULL)
        return STATUS_OK;
    replay->choice.source = span_from(name);
    if (contract_source(replay->contract, span_from(name)) >= 0 ||
        contract_shop(replay->contract, span_from(name)) >= 0)
        return STATUS_OK;
    return replay_refuse(error, EXIT_USAGE,
                         "--source: the contract file has no source and no shop %.100s",
                         name);
}

/* ---- offsets ------------------------------------------------------------------------------- */

static enum status bad_offsets(const char *flag, struct error *error)
{
    return replay_refuse(error, EXIT_USAGE,
                         "--%s is PARTITION:OFFSET, more of them parted by commas; the "
                         "topic's partitions count from 0",
                         flag);
}

/* One "P:OFFSET" off the front. */
static bool next_place(const char **text, struct span *partition_out,
                       struct span *offset_out)
{
    const char *colon = strchr(*text, ':');
    if (colon == NULL)
        return false;
    size_t length = strcspn(colon + 1, ",");
    *partition_out = (struct span){*text, (size_t)(colon - *text)};
    *offset_out = (struct span){colon + 1, length};
    *text = colon + 1 + length;
    return true;
}

/* The offsets that a flag gives, one a partition; -1: it does not name the partition. */
static enum status read_offsets(const struct replay *replay, const char *flag,
                                const char *text, int64_t *offsets, struct error *error)
{
    struct span partition_text;
    struct span offset_text;
    for (int32_t at = 0; at < replay->choice.partitions; at++)
        offsets[at] = -1;
    while (text != NULL && *text != '\0') {
        int64_t partition = -1;
        int64_t offset = -1;
        if (!next_place(&text, &partition_text, &offset_text) ||
            !span_to_int64(partition_text, &partition) ||
            !span_to_int64(offset_text, &offset) || partition < 0 || offset < 0 ||
            partition >= replay->choice.partitions)
            return bad_offsets(flag, error);
        offsets[partition] = offset;
        if (*text == ',')
            text++;
    }
    return STATUS_OK;
}

static void narrow_part(struct replay_part *part, int64_t from, int64_t to)
{
    if (from < 0 && to < 0)
        part->from = part->until; /* not named: nothing of it */
    if (from > part->from)
        part->from = from;
    if (to >= 0 && to < part->until)
        part->until = to;
}

static enum status narrow_by_offsets(struct replay *replay, struct error *error)
{
    const struct replay_flags *flags = replay->flags;
    struct replay_choice *choice = &replay->choice;
    size_t count = (size_t)choice->partitions;
    int64_t *from = pool_take(&replay->pool, count * sizeof(*from));
    int64_t *to = pool_take(&replay->pool, count * sizeof(*to));
    if (flags->from == NULL && flags->to == NULL)
        return STATUS_OK;
    if (from == NULL || to == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    enum status status = read_offsets(replay, "from", flags->from, from, error);
    if (status == STATUS_OK)
        status = read_offsets(replay, "to", flags->to, to, error);
    for (size_t at = 0; at < count && status == STATUS_OK; at++)
        narrow_part(&choice->parts[at], from[at], to[at]);
    return status;
}

/* ---- times --------------------------------------------------------------------------------- */

static enum status read_time(const char *flag, const char *text, int64_t *ms_out,
                             struct error *error)
{
    int64_t us = 0;
    if (text != NULL && !rfc3339_parse(span_from(text), &us))
        return replay_refuse(error, EXIT_USAGE,
                             "--%s is a time like 2026-11-25T12:00:00Z", flag);
    *ms_out = us / 1000;
    return STATUS_OK;
}

static enum status narrow_by_time(struct replay *replay, struct replay_part *part,
                                  const int64_t times_ms[2], struct error *error)
{
    int64_t offset = -1;
    enum status status = STATUS_OK;
    if (replay->flags->since != NULL) {
        status = kafka_span_at_time(replay->span, part->partition, times_ms[0], &offset,
                                    error);
        if (status != STATUS_OK)
            return status;
        int64_t from = offset >= 0 ? offset : part->until;
        part->from = from > part->from ? from : part->from;
    }
    if (replay->flags->until != NULL) {
        status = kafka_span_at_time(replay->span, part->partition, times_ms[1], &offset,
                                    error);
        if (status == STATUS_OK && offset >= 0 && offset < part->until)
            part->until = offset;
    }
    return status;
}

static enum status narrow_by_times(struct replay *replay, struct error *error)
{
    int64_t times_ms[2] = {0};
    enum status status = read_time("since", replay->flags->since, &times_ms[0], error);
    if (status == STATUS_OK)
        status = read_time("until", replay->flags->until, &times_ms[1], error);
    for (int32_t at = 0; at < replay->choice.partitions && status == STATUS_OK; at++)
        status = narrow_by_time(replay, &replay->choice.parts[at], times_ms, error);
    return status;
}

/* ---- what there is --------------------------------------------------------------------------- */

/* All that was judged, or, of what is not up to the live state, all that there is. */
static enum status ask_topic(struct replay *replay, bool up_to_live, struct error *error)
{
    struct replay_choice *choice = &replay->choice;
    enum status status = STATUS_OK;
    for (int32_t at = 0; at < choice->partitions && status == STATUS_OK; at++) {
        struct replay_part *part = &choice->parts[at];
        part->partition = at;
        part->live.next_offset = -1;
        status = kafka_span_bounds(replay->span, at, &part->held, error);
        part->from = part->held.first;
        part->until = up_to_live ? part->held.first : part->held.end;
    }
    return status;
}

static enum status ask_live(struct replay *replay, bool up_to_live, struct error *error)
{
    struct replay_choice *choice = &replay->choice;
    struct replay_live_part *live =
        pool_take(&replay->pool, REPLAY_PARTS_MAX * sizeof(*live));
    size_t count = 0;
    if (live == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    enum status status =
        store_replay_live(replay->live, span_from(replay->topic), live, &count, error);
    for (size_t at = 0; at < count && status == STATUS_OK; at++) {
        if (live[at].partition >= choice->partitions || live[at].next_offset < 0)
            continue;
        struct replay_part *part = &choice->parts[live[at].partition];
        part->live = live[at];
        part->from = part->live.first_offset;
        if (up_to_live)
            part->until = part->live.next_offset;
    }
    if (status == STATUS_OK)
        status = store_replay_past(replay->live, span_from(replay->topic),
                                   choice->partitions, &choice->past, error);
    return status;
}

/* All that counts for a SKU lies on its own partition. */
static void narrow_by_sku(struct replay_choice *choice)
{
    if (choice->sku.bytes == NULL)
        return;
    int32_t own = hash_partition(choice->sku, choice->partitions);
    for (int32_t at = 0; at < choice->partitions; at++)
        if (at != own)
            choice->parts[at].until = choice->parts[at].from;
}

static void count_records(struct replay_choice *choice)
{
    for (int32_t at = 0; at < choice->partitions; at++) {
        struct replay_part *part = &choice->parts[at];
        if (part->until < part->from)
            part->until = part->from;
        if (part->held.first > part->from) {
            int64_t first =
                part->held.first < part->until ? part->held.first : part->until;
            part->lost = first - part->from;
            part->from = first;
        }
        choice->records += part->until - part->from;
        choice->lost += part->lost;
    }
}

static enum status open_topic(struct replay *replay, struct error *error)
{
    struct replay_choice *choice = &replay->choice;
    enum status status = kafka_span_open(&replay->kafka, replay->topic, OPEN_WAIT_MS,
                                         &replay->span, error);
    if (status != STATUS_OK)
        return status;
    choice->partitions = kafka_span_partitions(replay->span);
    if (choice->partitions > REPLAY_PARTS_MAX)
        return replay_refuse(error, EXIT_CONFIG, "more than %d partitions",
                             REPLAY_PARTS_MAX);
    size_t size = (size_t)choice->partitions * sizeof(*choice->parts);
    choice->parts = pool_take(&replay->pool, size);
    if (choice->parts == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    memset(choice->parts, 0, size);
    return STATUS_OK;
}

enum status replay_choose(struct replay *replay, bool up_to_live, struct error *error)
{
    enum status status = read_sku(replay, error);
    if (status == STATUS_OK)
        status = read_source(replay, error);
    if (status == STATUS_OK)
        status = write_choice(replay, error);
    if (status == STATUS_OK)
        status = open_topic(replay, error);
    if (status == STATUS_OK)
        status = ask_topic(replay, up_to_live, error);
    if (status == STATUS_OK)
        status = ask_live(replay, up_to_live, error);
    if (status == STATUS_OK)
        status = narrow_by_times(replay, error);
    if (status == STATUS_OK)
        status = narrow_by_offsets(replay, error);
    if (status != STATUS_OK)
        return status;
    narrow_by_sku(&replay->choice);
    count_records(&replay->choice);
    return STATUS_OK;
}

enum status replay_choose_file(struct replay *replay, const char *digest, int64_t records,
                               struct error *error)
{
    struct replay_choice *choice = &replay->choice;
    enum status status = read_sku(replay, error);
    if (status == STATUS_OK)
        status = read_source(replay, error);
    if (status == STATUS_OK)
        status = add_flag(choice, "from-file", digest, error);
    if (status == STATUS_OK)
        status = write_choice(replay, error);
    if (status != STATUS_OK)
        return status;
    choice->partitions = 1;
    choice->records = records;
    choice->parts = pool_take(&replay->pool, sizeof(*choice->parts));
    if (choice->parts == NULL)
        return error_set(error, STATUS_FATAL, "replay: out of memory");
    *choice->parts = (struct replay_part){.until = records};
    return STATUS_OK;
}

/* ---- is it whole? ---------------------------------------------------------------------------- */

static const struct replay_part *first_lost(const struct replay_choice *choice)
{
    for (int32_t at = 0; at < choice->partitions; at++)
        if (choice->parts[at].lost > 0)
            return &choice->parts[at];
    return NULL;
}

bool replay_gap(const struct replay *replay, char why_out[REPLAY_WHY_MAX])
{
    const struct replay_choice *choice = &replay->choice;
    const struct replay_part *lost = first_lost(choice);
    why_out[0] = '\0';
    if (lost != NULL)
        (void)snprintf(why_out, REPLAY_WHY_MAX,
                       "partition %d of the topic begins at offset %lld, %lld records "
                       "before it are gone: a rebuild is not whole",
                       (int)lost->partition, (long long)lost->held.first,
                       (long long)lost->lost);
    else if (choice->past.other_topics > 0)
        (void)snprintf(why_out, REPLAY_WHY_MAX,
                       "the live state was judged from another topic too: a rebuild from "
                       "this one is not whole");
    else if (choice->past.partitions > 0)
        (void)snprintf(why_out, REPLAY_WHY_MAX,
                       "the topic had %d partitions once and has %d now: earlier records "
                       "of a SKU lie on another partition than later ones",
                       (int)choice->past.partitions, (int)choice->partitions);
    return why_out[0] != '\0';
}

void replay_why_not_whole(const struct replay *replay, char why_out[REPLAY_WHY_MAX])
{
    if (!replay_gap(replay, why_out) && replay->choice.text[0] != '\0')
        (void)snprintf(why_out, REPLAY_WHY_MAX, "only a part was chosen");
}
