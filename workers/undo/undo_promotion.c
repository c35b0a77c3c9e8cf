/*
 * A promotion taken back: the state that it took the place of lies beside the live one as a
 * shadow. `replay` lets it judge what came since, which is what the plan is made of, and puts
 * it in the live state's place under the fence. Nothing that came since is lost, so that no
 * pair need be refused.
 */
#include "common/base/check.h"
#include "common/runtime/config_export.h"
#include "workers/undo/undo.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_FAILED 127

/* ---- may it? ----------------------------------------------------------------------------------- */

struct fate_row {
    const char *rule;
    const char *why;
    enum undo_fate fate;
    bool (*fits)(const struct undo_promotion *promotion);
};

static bool is_back(const struct undo_promotion *promotion)
{
    return promotion->is_back;
}

static bool is_promoted_since(const struct undo_promotion *promotion)
{
    return promotion->standing > 0;
}

static bool is_former_gone(const struct undo_promotion *promotion)
{
    return !promotion->is_kept;
}

static const struct fate_row FATES[] = {
    {"undone",
     "it was taken back before; what stands now is the newest promotion of --list, which can "
     "be taken back in its turn",
     UNDO_SKIP, is_back},
    {"promoted_since",
     "a later promotion stands: take that back first ('parstock undo "
     "--list')",
     UNDO_REFUSE, is_promoted_since},
    {"former_gone",
     "the state of before is not kept any more. Make it anew: 'parstock replay run' with the "
     "contract file of then, and promote that",
     UNDO_REFUSE, is_former_gone},
};

/* One line for all of it. */
static enum status tell_fate(struct undo *self, struct undo_plan *plan,
                             const struct fate_row *row, struct error *error)
{
    struct undo_line *line = undo_plan_add(self, plan);
    if (line == NULL)
        return error_set(error, STATUS_FATAL, "undo: out of memory");
    line->sku = SPAN_OF("");
    line->location = SPAN_OF("");
    line->source = self->name;
    line->rule = row->rule;
    line->why = row->why;
    line->fate = row->fate;
    undo_plan_count(plan, line);
    return STATUS_OK;
}

/* ---- by `replay` ------------------------------------------------------------------------------- */

/* In the child, between fork and exec. What it has to say is no answer of ours. */
static _Noreturn void become(char **words, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        _exit(EXEC_FAILED);
    (void)execv("/proc/self/exe", words);
    _exit(EXEC_FAILED);
}

static int wait_for(pid_t pid)
{
    int state = 0;
    pid_t ended;
    do
        ended = waitpid(pid, &state, 0);
    while (ended < 0 && errno == EINTR);
    return ended == pid && WIFEXITED(state) ? WEXITSTATUS(state) : EXEC_FAILED;
}

static char *word(const char *text)
{
    return (char *)(uintptr_t)text;
}

static enum status run_replay(struct undo *self, const char *verb, struct error *error)
{
    bool confirms = strcmp(verb, "promote") == 0;
    char *words[] = {word("parstock"), word("replay"),
                     word(verb),       word("--name"),
                     self->former,     confirms ? word("--confirm") : NULL,
                     self->former,     NULL};
    enum status status = config_export(self->config, error);
    if (status != STATUS_OK)
        return status;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(words, parent);
    int code = pid > 0 ? wait_for(pid) : EXEC_FAILED;
    if (code == 0)
        return STATUS_OK;
    (void)error_set(
        error, code == EXIT_AGAIN ? STATUS_RETRY : STATUS_REJECT,
        "'parstock replay %s --name %s' ended with %d and says why; nothing was "
        "taken back",
        verb, self->former, code);
    return error_exit(error, code == EXEC_FAILED ? EXIT_INTERNAL : code);
}

/* ---- the plan ---------------------------------------------------------------------------------- */

struct comparing {
    struct undo *self;
    struct undo_plan *plan;
};

static enum status take_apart(void *self, const struct undo_apart *apart,
                              struct error *error)
{
    const struct comparing *comparing = self;
    struct pool *pool = &comparing->self->pool;
    struct undo_line *line = undo_plan_add(comparing->self, comparing->plan);
    if (line == NULL)
        return error_set(error, STATUS_FATAL, "undo: out of memory");
    line->sku = pool_span(pool, apart->sku);
    line->location = pool_span(pool, apart->location);
    line->source = pool_span(pool, apart->source);
    line->rule = "promotion";
    line->why = "the level of the state that was live before";
    line->fate = UNDO_DO;
    line->has_level = apart->has_level;
    line->level = apart->level;
    line->has_back = apart->has_back;
    line->back = apart->back;
    undo_plan_count(comparing->plan, line);
    return line->source.bytes != NULL && line->sku.bytes != NULL &&
                   line->location.bytes != NULL
               ? STATUS_OK
               : error_set(error, STATUS_FATAL, "undo: out of memory");
}

enum status undo_plan_promotion(struct undo *self, struct undo_plan *plan,
                                struct error *error)
{
    struct undo_promotion promotion;
    struct comparing comparing = {self, plan};
    const struct undo_apart_visitor visitor = {.each = take_apart, .self = &comparing};
    enum status status =
        store_undo_promotion(self->postgres, self->id, &promotion, error);
    for (size_t at = 0; at < COUNT_OF(FATES) && status == STATUS_OK; at++)
        if (FATES[at].fits(&promotion))
            return tell_fate(self, plan, &FATES[at], error);
    if (status != STATUS_OK)
        return status;
    (void)snprintf(self->former, sizeof(self->former), "%s", promotion.former);
    status = run_replay(self, "run", error);
    return status == STATUS_OK ? store_undo_apart(self->postgres, span_from(self->former),
                                                  &visitor, error)
                               : status;
}

/* ---- doing it ---------------------------------------------------------------------------------- */

/* A state whose levels are the same goes back too: its ledger and readings may not be. */
enum status undo_promote(struct undo *self, struct undo_plan *plan, struct error *error)
{
    const struct undo_order order = {self->id, self->kind, self->by, self->why};
    int64_t id = 0;
    if (plan->refused + plan->skipped > 0)
        return STATUS_OK;
    enum status status = run_replay(self, "promote", error);
    if (status == STATUS_OK)
        status = store_undo_begin(self->postgres, &order, &id, error);
    if (status == STATUS_OK)
        status = store_undo_end(self->postgres, id, plan->to_do, 0, error);
    return status;
}
