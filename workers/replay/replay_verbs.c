/* plan, run and drop: the verbs whose work is done elsewhere. */
#include "workers/replay/replay_live.h"

#include "common/base/check.h"
#include "common/codec/json_text.h"
#include "common/domain/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define US_PER_SECOND 1000000LL
#define LINE_BYTES_MAX ((size_t)64 * 1024)

static void json_bool(struct buf *line, const char *name, bool value)
{
    json_name(line, name);
    buf_text(line, value ? "true" : "false");
}

static int64_t per_second(int64_t count, int64_t elapsed_us)
{
    return elapsed_us > 0 ? count * US_PER_SECOND / elapsed_us : 0;
}

static void print_line(struct buf *line)
{
    printf("%s\n", line->failed ? "{}" : line->bytes);
    buf_free(line);
}

/* ---- run ----------------------------------------------------------------------------------- */

static void print_run(const struct replay *replay, const struct replay_reach *reach,
                      int64_t judged)
{
    struct buf line;
    int64_t rate = per_second(judged, reach->elapsed_us);
    if (replay->output == OUTPUT_TABLE) {
        printf("shadow %s in schema %s: %" PRId64 " records judged by this run and those "
               "beside it, %" PRId64 " in all, %" PRId64 "/s\n"
               "'parstock replay status' holds it against the live state\n",
               replay->flags->name, replay->shadow_schema, judged, reach->read, rate);
        return;
    }
    buf_init(&line, LINE_BYTES_MAX);
    buf_byte(&line, '{');
    json_member_text(&line, "shadow", span_from(replay->flags->name));
    json_member_text(&line, "schema", span_from(replay->shadow_schema));
    json_member_number(&line, "records_judged", reach->read);
    json_member_number(&line, "records_of_this_run", judged);
    json_member_number(&line, "records_left", reach->left);
    json_member_number(&line, "elapsed_ms", reach->elapsed_us / 1000);
    json_member_number(&line, "records_per_second", rate);
    buf_byte(&line, '}');
    print_line(&line);
}

static void say_pause(void)
{
    if (isatty(STDERR_FILENO) == 1)
        (void)fputs("where KEDA scales apply, pause it meanwhile: kubectl annotate "
                    "scaledobject NAME autoscaling.keda.sh/paused=true\n",
                    stderr);
}

static enum status run_live(struct replay *replay, struct error *error)
{
    static struct live_batch batch; /* there is one */
    say_pause();
    enum status status = replay->flags->file != NULL
                             ? replay_run_file(replay, &batch, error)
                             : replay_run_live(replay, &batch, error);
    if (status == STATUS_OK)
        replay_print_live(&batch);
    return status;
}

enum status replay_run_verb(struct replay *replay, struct error *error)
{
    if (strcmp(replay->flags->into, "live") == 0)
        return run_live(replay, error);
    struct replay_reach before = {0};
    struct replay_reach reach = {0};
    enum status status = replay_choose(replay, true, error);
    if (status == STATUS_OK)
        status = replay_prepare(replay, error);
    if (status == STATUS_OK)
        status = replay_look(replay, &before, error);
    if (status != STATUS_OK)
        return status;
    say_pause();
    status = replay_run(replay, &reach, error);
    if (status == STATUS_OK)
        print_run(replay, &reach, reach.read - before.read);
    return status;
}

enum status replay_drop_verb(struct replay *replay, struct error *error)
{
    struct shadow_facts facts;
    enum status status = replay_find(replay, &facts, error);
    if (status == STATUS_OK)
        status = replay_drop(replay, error);
    if (status == STATUS_OK && replay->output == OUTPUT_TABLE)
        printf("shadow %s is gone\n", replay->flags->name);
    return status;
}

/* ---- plan ---------------------------------------------------------------------------------- */

struct sample {
    struct replay_reach reach;
    struct shadow_counts counts;
    bool is_all; /* of the choice */
};

/* Evenly over the partitions that hold something, from their beginnings. */
static bool cut_sample(struct replay_choice *choice, int64_t wanted)
{
    int64_t left = wanted;
    bool is_all = choice->records <= wanted;
    int32_t holding = 0;
    for (int32_t at = 0; at < choice->partitions; at++)
        holding += choice->parts[at].until > choice->parts[at].from;
    for (int32_t at = 0; at < choice->partitions && !is_all; at++) {
        struct replay_part *part = &choice->parts[at];
        int64_t share = holding > 0 ? left / holding : 0;
        int64_t has = part->until - part->from;
        holding -= has > 0;
        if (has > share)
            part->until = part->from + share;
        left -= part->until - part->from;
    }
    return is_all;
}

/* Judged by apply into a shadow of its own, which is dropped again whatever becomes of it. */
static enum status judge_sample(struct replay *replay, struct sample *sample,
                                struct error *error)
{
    struct error ignored = {0};
    struct replay_flags flags = *replay->flags;
    char name[32];
    (void)snprintf(name, sizeof(name), "plan_%ld", (long)getpid());
    flags.name = name;
    flags.fresh = true;
    flags.accept_gap = true;
    const struct replay_flags *given = replay->flags;
    replay->flags = &flags;
    sample->is_all = cut_sample(&replay->choice, flags.sample);
    enum status status =
        shadow_schema(replay->config->schema, name, replay->shadow_schema, error);
    if (status == STATUS_OK)
        status = replay_prepare(replay, error);
    if (status == STATUS_OK)
        status = replay_run(replay, &sample->reach, error);
    if (status == STATUS_OK)
        status = store_shadow_counts(replay->shadow, &sample->counts, error);
    (void)replay_drop(replay, &ignored);
    replay->flags = given;
    return status;
}

struct plan {
    char why_not[REPLAY_WHY_MAX];
    int64_t records;
    int64_t lost;
    bool is_sampled;
    struct sample sample;
    int64_t rate;
    int64_t seconds;
};

static void json_outcomes(struct buf *line, const struct shadow_counts *counts)
{
    json_name(line, "outcomes");
    buf_byte(line, '{');
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        json_member_number(line, outcome_name((enum outcome)outcome),
                           counts->outcomes[outcome]);
    buf_byte(line, '}');
}

static void json_plan(const struct replay *replay, const struct plan *plan)
{
    struct buf line;
    buf_init(&line, LINE_BYTES_MAX);
    buf_byte(&line, '{');
    json_member_text(&line, "choice", span_from(replay->choice.text));
    json_member_number(&line, "records", plan->records);
    json_member_number(&line, "records_gone", plan->lost);
    json_bool(&line, "whole", plan->why_not[0] == '\0');
    json_member_text(&line, "why_not_whole", span_from(plan->why_not));
    if (plan->is_sampled) {
        json_name(&line, "judged");
        buf_byte(&line, '{');
        json_bool(&line, "all", plan->sample.is_all);
        json_member_number(&line, "records", plan->sample.counts.read);
        json_outcomes(&line, &plan->sample.counts);
        buf_byte(&line, '}');
        json_member_number(&line, "records_per_second", plan->rate);
        json_member_number(&line, "seconds", plan->seconds);
    }
    buf_byte(&line, '}');
    print_line(&line);
}

static void print_plan(const struct replay *replay, const struct plan *plan)
{
    const struct sample *sample = &plan->sample;
    printf("%s: %" PRId64 " records on %d partitions\n",
           replay->choice.text[0] != '\0' ? replay->choice.text : "everything",
           plan->records, (int)replay->choice.partitions);
    if (plan->why_not[0] != '\0')
        printf("not to be promoted: %s\n", plan->why_not);
    if (!plan->is_sampled)
        return;
    printf("judged %s: %" PRId64 " records\n",
           sample->is_all ? "all of it" : "a sample from the beginning of each partition",
           sample->counts.read);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        printf("  %-10s %10" PRId64 "\n", outcome_name((enum outcome)outcome),
               sample->counts.outcomes[outcome]);
    printf("about %" PRId64 " records/s: %" PRId64 " seconds with one run; it shares the "
           "machine with what else is there\n",
           plan->rate, plan->seconds);
}

static enum status sample_plan(struct replay *replay, struct plan *plan,
                               struct error *error)
{
    enum status status = judge_sample(replay, &plan->sample, error);
    plan->is_sampled = status == STATUS_OK;
    plan->rate = per_second(plan->sample.counts.read, plan->sample.reach.elapsed_us);
    plan->seconds = plan->rate > 0 ? plan->records / plan->rate + 1 : 0;
    return status;
}

enum status replay_plan_verb(struct replay *replay, struct error *error)
{
    struct plan plan = {0};
    if (strcmp(replay->flags->into, "live") == 0)
        return replay_plan_live(replay, error);
    enum status status = replay_choose(replay, true, error);
    if (status != STATUS_OK)
        return status;
    replay_why_not_whole(replay, plan.why_not);
    plan.records = replay->choice.records;
    plan.lost = replay->choice.lost;
    if (replay->flags->sample > 0 && plan.records > 0)
        status = sample_plan(replay, &plan, error);
    if (status != STATUS_OK)
        return status;
    if (replay->output == OUTPUT_TABLE)
        print_plan(replay, &plan);
    else
        json_plan(replay, &plan);
    return STATUS_OK;
}
