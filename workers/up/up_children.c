#include "workers/up/up_children.h"

#include "common/base/check.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/metrics.h"
#include "common/runtime/notify.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_FIRST_US 500000
#define WAIT_MAX_US 30000000
#define DEATHS_MAX 6       /* half a second doubled six times is past the maximum */
#define STEADY_US 60000000 /* who ran so long begins anew with the shortest wait */
#define FINISH_US 30000000 /* what a worker has for finishing what is in hand */
#define FINISH_LOOK_MS 50
#define EXEC_FAILED 127

bool children_add(struct children *children, const struct child_kind *kind)
{
    char labels[64];
    for (size_t i = 0; i < children->count; i++) {
        if (strcmp(children->list[i].name, kind->name) == 0)
            return false;
    }
    ASSERT(children->count < CHILDREN_MAX);
    struct child *child = &children->list[children->count++];
    *child = (struct child){.name = kind->name, .argument = kind->argument};
    (void)snprintf(labels, sizeof(labels), "worker=\"%s\"", kind->name);
    child->restarts = metrics_counter("parstock_worker_restarts_total", labels,
                                      "How often a worker that died was started again");
    return true;
}

/* In the child, between fork and exec: nothing but calls that are safe there. */
static _Noreturn void child_become(const struct child *child, pid_t parent)
{
    char program[] = "parstock";
    char *arguments[] = {program, (char *)(uintptr_t)child->name,
                         (char *)(uintptr_t)child->argument, NULL};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) /* it died before the line above held */
        _exit(EXEC_FAILED);
    (void)execv("/proc/self/exe", arguments);
    _exit(EXEC_FAILED);
}

static void child_start(struct child *child)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child_become(child, parent);
    if (pid < 0) {
        child->next_start_us = clock_monotonic_us() + WAIT_MAX_US;
        log_error("worker could not be started", LOG_TEXT("worker", child->name),
                  LOG_TEXT("why", strerror(errno)), LOG_END);
        return;
    }
    if (child->started_us != 0)
        metric_add(child->restarts, 1);
    child->pid = pid;
    child->started_us = clock_monotonic_us();
    life_ready(child->name, false, "starting");
    log_info("worker started", LOG_TEXT("worker", child->name), LOG_INT("pid", pid),
             LOG_END);
}

static int64_t child_wait_us(struct child *child, int64_t now_us)
{
    if (now_us - child->started_us >= STEADY_US)
        child->deaths = 0;
    int64_t wait_us = child->deaths < DEATHS_MAX ? (int64_t)WAIT_FIRST_US << child->deaths
                                                 : WAIT_MAX_US;
    if (child->deaths < DEATHS_MAX)
        child->deaths++;
    return wait_us;
}

static void child_died(struct child *child, int status)
{
    int64_t now_us = clock_monotonic_us();
    int64_t wait_us = child_wait_us(child, now_us);
    bool by_signal = WIFSIGNALED(status);
    log_warn("worker died", LOG_TEXT("worker", child->name), LOG_INT("pid", child->pid),
             by_signal ? LOG_INT("signal", WTERMSIG(status))
                       : LOG_INT("exit_code", WEXITSTATUS(status)),
             LOG_INT("restart_in_ms", wait_us / 1000), LOG_END);
    child->pid = 0;
    child->next_start_us = now_us + wait_us;
    life_ready(child->name, false, "died, will be started again");
}

static bool child_reaped(struct child *child, int *status_out)
{
    return child->pid > 0 && waitpid(child->pid, status_out, WNOHANG) == child->pid;
}

static void children_readiness(struct children *children, int socket)
{
    pid_t pid = 0;
    bool ready = false;
    while (notify_next(socket, &pid, &ready)) {
        for (size_t i = 0; i < children->count; i++) {
            if (children->list[i].pid == pid && pid > 0)
                life_ready(children->list[i].name, ready, "its own endpoint says why");
        }
    }
}

void children_look(struct children *children, int socket)
{
    children_readiness(children, socket);
    for (size_t i = 0; i < children->count; i++) {
        struct child *child = &children->list[i];
        int status = 0;
        if (child_reaped(child, &status))
            child_died(child, status);
        if (child->pid == 0 && clock_monotonic_us() >= child->next_start_us)
            child_start(child);
    }
}

static void children_signal(const struct children *children, int number)
{
    for (size_t i = 0; i < children->count; i++) {
        if (children->list[i].pid > 0)
            (void)kill(children->list[i].pid, number);
    }
}

static size_t children_reap(struct children *children)
{
    size_t running = 0;
    for (size_t i = 0; i < children->count; i++) {
        struct child *child = &children->list[i];
        int status = 0;
        if (child_reaped(child, &status)) {
            log_info("worker ended", LOG_TEXT("worker", child->name),
                     LOG_INT("exit_code", WIFEXITED(status) ? WEXITSTATUS(status)
                                                            : 128 + WTERMSIG(status)),
                     LOG_END);
            child->pid = 0;
        }
        running += child->pid > 0 ? 1 : 0;
    }
    return running;
}

void children_end(struct children *children)
{
    int64_t end_us = clock_monotonic_us() + FINISH_US;
    bool killed = false;
    children_signal(children, SIGTERM);
    while (children_reap(children) > 0) {
        if (!killed && clock_monotonic_us() >= end_us) {
            log_warn("workers did not finish in time and are killed", LOG_END);
            children_signal(children, SIGKILL);
            killed = true;
        }
        (void)poll(NULL, 0, FINISH_LOOK_MS); /* life_wait_ms does not wait any more */
    }
}
