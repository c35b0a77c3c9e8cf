#include "common/runtime/life.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/runtime/log.h"
#include "common/runtime/notify.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_MAX_MS 10000
#define BACK_OFF_TRIES_MAX 7 /* 100 ms doubled seven times is past the maximum */
#define PARTS_MAX 64

struct part {
    char name[48];
    char why[160];
    bool ready;
};

static atomic_bool ending;
static atomic_int ending_event = -1; /* readable for good once ending is set */

static struct part parts[PARTS_MAX];
static size_t part_count;
static pthread_mutex_t parts_lock = PTHREAD_MUTEX_INITIALIZER;

void life_end(void)
{
    atomic_store(&ending, true);
    int event = atomic_load(&ending_event);
    if (event >= 0) {
        uint64_t one = 1;
        ssize_t written = write(event, &one, sizeof(one));
        (void)written;
    }
}

static void life_signal(int number)
{
    (void)number;
    int saved = errno;
    life_end();
    errno = saved;
}

/* A core or a debugger of another process would show the credentials in memory. */
static void life_hide_memory(void)
{
    struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static enum status life_handle(int number, void (*handler)(int), struct error *error)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(number, &action, NULL) == 0)
        return STATUS_OK;
    return error_set(error, STATUS_FATAL, "cannot handle signal %d: errno %d", number,
                     errno);
}

enum status life_begin(struct error *error)
{
    if (atomic_load(&ending_event) < 0) {
        int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (event < 0)
            return error_set(error, STATUS_FATAL, "no event descriptor: errno %d", errno);
        atomic_store(&ending_event, event);
    }
    life_hide_memory();
    enum status status = life_handle(SIGTERM, life_signal, error);
    if (status == STATUS_OK)
        status = life_handle(SIGINT, life_signal, error);
    if (status == STATUS_OK)
        status = life_handle(SIGPIPE, SIG_IGN, error);
    return status;
}

bool life_ending(void)
{
    return atomic_load(&ending);
}

void life_wait_ms(int64_t ms)
{
    int64_t end_us = clock_monotonic_us() + ms * 1000;
    while (!life_ending()) {
        int64_t left_us = end_us - clock_monotonic_us();
        if (left_us <= 0)
            return;
        struct timespec left = {.tv_sec = left_us / 1000000,
                                .tv_nsec = left_us % 1000000 * 1000};
        struct pollfd event = {.fd = atomic_load(&ending_event), .events = POLLIN};
        (void)ppoll(&event, 1, &left, NULL);
    }
}

void life_back_off(int *tries)
{
    ASSERT(*tries >= 0);
    int64_t ms = BACK_OFF_MAX_MS;
    if (*tries < BACK_OFF_TRIES_MAX)
        ms = (int64_t)BACK_OFF_FIRST_MS << *tries;
    uint32_t dice = 0;
    if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) < 0)
        dice = (uint32_t)clock_monotonic_us();
    /* Half of it at random, so that workers that failed together do not return together.
     */
    life_wait_ms(ms / 2 + dice % (ms / 2 + 1));
    if (*tries < BACK_OFF_TRIES_MAX)
        (*tries)++;
}

static struct part *part_find(const char *name)
{
    for (size_t i = 0; i < part_count; i++) {
        if (strncmp(parts[i].name, name, sizeof(parts[i].name) - 1) == 0)
            return &parts[i];
    }
    return NULL;
}

/* True where this is news: a new part, or one whose readiness changed. */
static bool part_set(const char *name, bool ready, const char *why)
{
    struct part *part = part_find(name);
    bool news = part == NULL || part->ready != ready;
    if (part == NULL) {
        ASSERT(part_count < PARTS_MAX);
        part = &parts[part_count++];
        (void)snprintf(part->name, sizeof(part->name), "%s", name);
    }
    part->ready = ready;
    (void)snprintf(part->why, sizeof(part->why), "%s", why != NULL ? why : "");
    return news;
}

void life_ready(const char *part, bool ready, const char *why)
{
    pthread_mutex_lock(&parts_lock);
    bool news = part_set(part, ready, why);
    pthread_mutex_unlock(&parts_lock);
    if (!news)
        return;
    notify_ready(life_is_ready());
    if (ready)
        log_info("ready", LOG_TEXT("part", part), LOG_END);
    else
        log_warn("not ready", LOG_TEXT("part", part),
                 LOG_TEXT("why", why != NULL ? why : "not said"), LOG_END);
}

bool life_is_ready(void)
{
    pthread_mutex_lock(&parts_lock);
    bool ready = part_count > 0;
    for (size_t i = 0; i < part_count; i++)
        ready = ready && parts[i].ready;
    pthread_mutex_unlock(&parts_lock);
    return ready && !life_ending();
}

void life_ready_write(struct buf *out)
{
    pthread_mutex_lock(&parts_lock);
    if (life_ending())
        buf_text(out, "ending\n");
    if (part_count == 0)
        buf_text(out, "starting\n");
    for (size_t i = 0; i < part_count; i++) {
        const struct part *part = &parts[i];
        buf_format(out, "%s: %s", part->name, part->ready ? "ready" : "not ready");
        buf_format(out, part->ready || part->why[0] == '\0' ? "%s\n" : ": %s\n",
                   part->ready ? "" : part->why);
    }
    pthread_mutex_unlock(&parts_lock);
}

static int64_t clock_read_us(clockid_t clock)
{
    struct timespec now;
    int failed = clock_gettime(clock, &now);
    ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return clock_read_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC);
}
