/*
 * The judging itself is apply's: started as a process of its own, whose partitions are
 * shared out by a consumer group and fenced in the shadow's `progress`. This process watches
 * how far the shadow is, and ends the other when all of it is there.
 */
#include "workers/replay/replay.h"

#include "common/base/check.h"
#include "common/runtime/config_export.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 100
#define FINISH_US 30000000LL
#define FINISH_LOOK_MS 20
#define EXEC_FAILED 127
#define STUCK_US 60000000LL /* without a record: said once */

/* ---- the other process ------------------------------------------------------------------------ */

/*
 * Who is alone begins a new group: it need not wait until the last one has noticed that a
 * killed worker is dead. Who is not joins the others'.
 */
static enum status join_locked(struct replay *replay, struct error *error)
{
    enum status status = store_replay_join(replay->live, span_from(replay->shadow_schema),
                                           &replay->is_alone, error);
    if (status == STATUS_OK)
        status =
            store_shadow_round(replay->shadow, replay->is_alone, &replay->round, error);
    return status;
}

enum status replay_join(struct replay *replay, struct error *error)
{
    struct span name = span_from(replay->shadow_schema);
    struct error ignored = {0};
    if (replay->round != 0)
        return STATUS_OK;
    enum status status = store_replay_lock(replay->live, name, error);
    if (status != STATUS_OK)
        return status;
    status = join_locked(replay, error);
    (void)store_replay_unlock(replay->live, name, &ignored);
    return status;
}

static enum status export_all(const struct replay *replay, struct error *error)
{
    enum status status = config_export(replay->config, error);
    bool is_quiet = strcmp(replay->config->log_level, "debug") != 0;
    bool done = setenv("PARSTOCK_KAFKA__GROUP_PROTOCOL", "classic", 0) == 0 &&
                setenv("PARSTOCK_KAFKA__SESSION_TIMEOUT_MS", "10000", 0) == 0 &&
                unsetenv("PARSTOCK_KAFKA__GROUP_INSTANCE_ID") == 0 &&
                (!is_quiet || setenv("PARSTOCK_LOG", "error", 1) == 0);
    if (status == STATUS_OK && !done)
        status = error_set(error, STATUS_FATAL, "replay: out of memory");
    return status;
}

static _Noreturn void become(char **arguments, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) /* it died before the line above held */
        _exit(EXEC_FAILED);
    (void)execv("/proc/self/exe", arguments);
    _exit(EXEC_FAILED);
}

static char *word(const char *text)
{
    return (char *)(uintptr_t)text;
}

static enum status start(const struct replay *replay, pid_t *pid_out, struct error *error)
{
    char round[24];
    (void)snprintf(round, sizeof(round), "%lld", (long long)replay->round);
    char rate[24];
    (void)snprintf(rate, sizeof(rate), "%lld", (long long)replay->flags->rate);
    char *arguments[14] = {
        word("parstock"), word("apply"), word("--shadow"), word(replay->flags->name),
        word("--round"),  round,         word("--rate"),   rate};
    size_t count = 8;
    if (replay->choice.sku.bytes != NULL) {
        arguments[count++] = word("--only-sku");
        arguments[count++] = word(replay->choice.sku.bytes);
    }
    if (replay->choice.source.bytes != NULL) {
        arguments[count++] = word("--only-source");
        arguments[count++] = word(replay->choice.source.bytes);
    }
    ASSERT(count < COUNT_OF(arguments));
    pid_t parent = getpid();
    *pid_out = fork();
    if (*pid_out == 0)
        become(arguments, parent);
    return *pid_out > 0 ? STATUS_OK
                        : error_set(error, STATUS_FATAL, "replay: cannot start apply");
}

static bool is_over(pid_t pid, int *code_out)
{
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) != pid)
        return false;
    *code_out = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

static void finish(pid_t pid)
{
    int code = 0;
    int64_t end_us = clock_monotonic_us() + FINISH_US;
    (void)kill(pid, SIGTERM);
    while (!is_over(pid, &code)) {
        if (clock_monotonic_us() > end_us)
            (void)kill(pid, SIGKILL);
        (void)poll(NULL, 0, FINISH_LOOK_MS); /* life_wait_ms does not wait any more */
    }
}

/* ---- how far -------------------------------------------------------------------------------- */

/* Another run may have set the shadow further ends: those are its own to wait for. */
static int64_t goal_of(const struct replay *replay, const struct shadow_part *part)
{
    const struct replay_choice *choice = &replay->choice;
    if (part->partition >= choice->partitions)
        return choice->partitions > 0 ? 0 : part->until_offset;
    int64_t wanted = choice->parts[part->partition].until;
    return wanted < part->until_offset ? wanted : part->until_offset;
}

enum status replay_look(struct replay *replay, struct replay_reach *reach,
                        struct error *error)
{
    static struct shadow_part parts[REPLAY_PARTS_MAX];
    struct shadow_counts counts = {0};
    size_t count = 0;
    enum status status = store_shadow_parts(replay->shadow, span_from(replay->topic),
                                            parts, &count, error);
    if (status == STATUS_OK)
        status = store_shadow_counts(replay->shadow, &counts, error);
    if (status != STATUS_OK)
        return status;
    reach->done = 0;
    reach->left = 0;
    reach->read = counts.read;
    for (size_t at = 0; at < count; at++) {
        const struct shadow_part *part = &parts[at];
        reach->done += part->next_offset - part->first_offset;
        if (goal_of(replay, part) > part->next_offset)
            reach->left += goal_of(replay, part) - part->next_offset;
    }
    return STATUS_OK;
}

struct watch {
    struct replay_progress progress;
    int64_t moved_us;
    int64_t done;
    int64_t still_us; /* the last look before the first record was judged */
    int64_t done_before;
    bool is_said;
};

static void note(struct watch *watch, const struct replay_reach *reach)
{
    int64_t now_us = clock_monotonic_us();
    if (reach->done == watch->done_before)
        watch->still_us = now_us;
    if (reach->done != watch->done) {
        watch->done = reach->done;
        watch->moved_us = now_us;
        watch->is_said = false;
    }
    if (now_us - watch->moved_us > STUCK_US && !watch->is_said) {
        watch->is_said = true;
        log_warn("no record was judged for a minute",
                 LOG_INT("records_left", reach->left),
                 LOG_TEXT("remedy", "is the broker there, and has retention passed over "
                                    "the next record? PARSTOCK_LOG=debug shows more"),
                 LOG_END);
    }
    replay_progress_show(&watch->progress, reach->done, reach->left);
}

static bool is_too_long(const struct replay *replay, int64_t began_us)
{
    return replay->wait_max_us > 0 &&
           clock_monotonic_us() - began_us > replay->wait_max_us;
}

static enum status watch_child(struct replay *replay, pid_t *pid,
                               struct replay_reach *reach, struct error *error)
{
    struct watch watch = {.done = reach->done, .done_before = reach->done};
    enum status status = STATUS_OK;
    int64_t began_us = clock_monotonic_us();
    watch.moved_us = began_us;
    watch.still_us = began_us;
    replay_progress_begin(&watch.progress, "replay", reach->done);
    while (status == STATUS_OK && reach->left > 0 && !life_ending()) {
        int code = 0;
        life_wait_ms(LOOK_MS);
        if (is_over(*pid, &code)) {
            *pid = 0;
            status = replay_refuse(error, code == 0 ? EXIT_INTERNAL : code,
                                   "apply ended with %d before all was judged", code);
            break;
        }
        status = replay_look(replay, reach, error);
        if (status == STATUS_OK)
            note(&watch, reach);
        if (status == STATUS_OK && is_too_long(replay, began_us) && reach->left > 0)
            status =
                replay_refuse(error, EXIT_AGAIN, "it took too long; nothing was changed");
    }
    replay_progress_end(&watch.progress);
    reach->elapsed_us = clock_monotonic_us() - watch.still_us;
    return status;
}

enum status replay_run(struct replay *replay, struct replay_reach *reach_out,
                       struct error *error)
{
    pid_t pid = 0;
    enum status status = replay_look(replay, reach_out, error);
    if (status != STATUS_OK || reach_out->left == 0)
        return status;
    status = replay_join(replay, error);
    if (status == STATUS_OK)
        status = export_all(replay, error);
    kafka_span_close(&replay->span); /* its threads would not survive the fork */
    if (status == STATUS_OK)
        status = start(replay, &pid, error);
    if (status == STATUS_OK)
        status = watch_child(replay, &pid, reach_out, error);
    if (pid > 0)
        finish(pid);
    if (status == STATUS_OK && reach_out->left > 0)
        return replay_refuse(error, EXIT_AGAIN,
                             "asked to end with %lld records left; run it again",
                             (long long)reach_out->left);
    return status;
}
