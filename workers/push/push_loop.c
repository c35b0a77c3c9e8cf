#include "common/base/check.h"
#include "common/runtime/admin.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/push/push.h"

#include <stdio.h>

#define IDLE_MS 150
#define HELPER_IDLE_MS 50
#define STANDBY_MS 500
#define BACKLOG_EVERY_US 5000000
#define THROTTLE_SLICE_MS 1000
#define THROTTLED_EVERY_US 2000000

static void show(const struct push_metrics *metrics, const struct push_backlog *backlog)
{
    metric_set(metrics->pairs_dirty, backlog->dirty);
    metric_set(metrics->pairs_faulted, backlog->faulted);
    metric_set(metrics->oldest, backlog->oldest_us);
}

void push_lost(struct pusher *pusher)
{
    log_warn("another process has taken the shop over", LOG_TEXT("shop", pusher->name),
             LOG_END);
    long long epoch = pusher->lease.epoch;
    (void)atomic_compare_exchange_strong(&pusher->crew->epoch, &epoch, 0);
    pusher->held = false;
    pusher->looked = false;
    pusher->write.id = 0;
    if (pusher->number == 0) /* figures are the writer's to show */
        show(&pusher->metrics, &(struct push_backlog){0});
}

static bool is_leader(const struct pusher *pusher)
{
    return pusher->number == 0;
}

void push_says(struct pusher *pusher, bool ready, const char *why)
{
    if (is_leader(pusher))
        life_ready(pusher->part, ready, why);
}

/* Was it Postgres? Then what we remember may differ from what it committed. */
static bool is_of_postgres(const struct pusher *pusher, const char *what)
{
    return strcmp(what, "postgres") == 0 || !postgres_alive(pusher->postgres);
}

/* Once for every new reason, be it a thousand tries. */
static void complain(struct pusher *pusher, const char *what, const struct error *error)
{
    char complaint[sizeof pusher->complaint];
    (void)snprintf(complaint, sizeof complaint, "%s %s", what, error->code);
    bool news = is_leader(pusher) && strcmp(complaint, pusher->complaint) != 0;
    memcpy(pusher->complaint, complaint, sizeof complaint);
    log_write(news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "waiting",
              LOG_FIELDS(LOG_TEXT("shop", pusher->name), LOG_TEXT("for", what),
                         LOG_TEXT("code", error->code), LOG_TEXT("error", error->text),
                         LOG_END));
}

void push_ready(struct pusher *pusher)
{
    pusher->tries = 0;
    pusher->complaint[0] = '\0';
    push_says(pusher, true, "");
}

void push_trouble(struct pusher *pusher, const char *what, const struct error *error)
{
    char why[ERROR_TEXT_MAX + 32];
    (void)snprintf(why, sizeof why, "%s: %s", what, error->text);
    complain(pusher, what, error);
    push_says(pusher, false, why);
    if (is_of_postgres(pusher, what)) {
        postgres_close(&pusher->postgres);
        pusher->looked = false;
        pusher->write.id = 0;
    } else {
        pusher->greeted = false;
    }
    life_back_off(&pusher->tries);
}

static bool have_postgres(struct pusher *pusher)
{
    if (pusher->postgres != NULL)
        return true;
    const struct postgres_options options = {
        .dsn = pusher->settings->config->postgres,
        .schema = pusher->settings->config->schema,
        .application_name = "parstock push",
    };
    struct error error = {0};
    if (postgres_open(&options, &pusher->postgres, &error) == STATUS_OK)
        return true;
    push_trouble(pusher, "postgres", &error);
    return false;
}

static bool renew(struct pusher *pusher)
{
    int64_t began_us = clock_monotonic_us();
    struct error error = {0};
    if (store_lease_renew(pusher->postgres, &pusher->lease, &error) != STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return false;
    }
    if (pusher->lease.lost) {
        push_lost(pusher);
        return false;
    }
    pusher->lease_end_us = began_us + pusher->lease.length_ms * 1000;
    return true;
}

static bool take(struct pusher *pusher)
{
    int64_t began_us = clock_monotonic_us();
    struct error error = {0};
    if (store_lease_take(pusher->postgres, &pusher->lease, &error) != STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return false;
    }
    pusher->held = !pusher->lease.lost;
    if (!pusher->held) {
        life_ready(pusher->part, true, "standing by: another process writes to the shop");
        life_wait_ms(STANDBY_MS);
        return false;
    }
    pusher->lease_end_us = began_us + pusher->lease.length_ms * 1000;
    pusher->looked = false;
    pusher->adopted = false;
    log_info("lease taken", LOG_TEXT("shop", pusher->name),
             LOG_INT("epoch", pusher->lease.epoch), LOG_END);
    return true;
}

/* More than half of the lease is always left when a step begins. */
static bool have_lease(struct pusher *pusher)
{
    if (!pusher->held)
        return take(pusher);
    int64_t left_us = pusher->lease_end_us - clock_monotonic_us();
    return left_us * 2 > pusher->lease.length_ms * 1000 || renew(pusher);
}

static enum status check_scopes(struct pusher *pusher, struct error *error)
{
    enum status status = shop_access_check(
        pusher->shopify, SCOPE_READ_INVENTORY | SCOPE_WRITE_INVENTORY, error);
    if (status != STATUS_OK)
        return status;
    const char *served = shopify_served_version(pusher->shopify);
    if (served[0] != '\0' && !span_is(pusher->shop->api_version, served))
        log_warn("the shop answers as another version than asked for",
                 LOG_TEXT("shop", pusher->name), LOG_TEXT("version", served), LOG_END);
    return STATUS_OK;
}

/* Asked once at start and again after the shop was away. */
static bool have_shop(struct pusher *pusher)
{
    if (pusher->greeted)
        return true;
    struct error error = {0};
    if (!push_may_pay(pusher, 1))
        return false;
    if (check_scopes(pusher, &error) != STATUS_OK) {
        push_trouble(pusher, "shop", &error);
        return false;
    }
    pusher->greeted = true;
    push_ready(pusher);
    return true;
}

bool push_may_pay(struct pusher *pusher, int64_t points)
{
    int64_t wait_ms = shopify_wait_ms(pusher->shopify, points);
    if (wait_ms == 0)
        return true;
    if (wait_ms > THROTTLE_SLICE_MS)
        wait_ms = THROTTLE_SLICE_MS;
    metric_add(pusher->metrics.throttle, wait_ms * 1000);
    atomic_store(&pusher->crew->throttled, true);
    life_wait_ms(wait_ms);
    return false;
}

/* Who finds a pair waiting may ask why: drift does. */
static bool note_throttled(struct pusher *pusher)
{
    int64_t now_us = clock_monotonic_us();
    struct error error = {0};
    if (now_us - pusher->throttled_at_us < THROTTLED_EVERY_US ||
        !atomic_exchange(&pusher->crew->throttled, false))
        return true;
    pusher->throttled_at_us = now_us;
    if (store_lease_throttled(pusher->postgres, &pusher->lease, &error) == STATUS_OK)
        return true;
    push_trouble(pusher, "postgres", &error);
    return false;
}

/* Levels were decided under the contract of whoever held the lease before. */
static bool follow_contract(struct pusher *pusher)
{
    if (pusher->adopted)
        return true;
    struct error error = {0};
    if (store_adopt_contract(pusher->postgres, &pusher->lease, &pusher->places,
                             pusher->settings->contract, &error) != STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return false;
    }
    if (pusher->lease.lost) {
        push_lost(pusher);
        return false;
    }
    pusher->adopted = true;
    return true;
}

/* A write that some process before us left without a verdict. */
static bool look_for_open(struct pusher *pusher)
{
    if (pusher->looked)
        return true;
    struct error error = {0};
    pool_reset(&pusher->pool);
    if (store_open_write(pusher->postgres, &pusher->lease, &pusher->pool, &pusher->write,
                         &error) != STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return false;
    }
    pusher->looked = pusher->write.id == 0;
    pusher->maybe_applied = true;
    pusher->resends = 0;
    if (pusher->write.id != 0)
        log_info("write without a verdict found", LOG_TEXT("shop", pusher->name),
                 LOG_INT("write", pusher->write.id),
                 LOG_INT("pairs", (int64_t)pusher->write.count), LOG_END);
    return true;
}

static void measure(struct pusher *pusher)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us < pusher->backlog_at_us)
        return;
    pusher->backlog_at_us = now_us + BACKLOG_EVERY_US;
    struct push_backlog backlog;
    struct error error = {0};
    if (store_backlog(pusher->postgres, pusher->lease.shop, &backlog, &error) !=
        STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return;
    }
    show(&pusher->metrics, &backlog);
    int64_t limit = 0;
    metric_set(pusher->metrics.bucket, shopify_bucket(pusher->shopify, &limit));
    metric_set(pusher->metrics.bucket_limit, limit);
}

static void find_work(struct pusher *pusher)
{
    bool due = false;
    struct error error = {0};
    if (is_leader(pusher))
        measure(pusher);
    if (pusher->postgres == NULL)
        return;
    if (store_push_due(pusher->postgres, &pusher->lease, &due, &error) != STATUS_OK) {
        push_trouble(pusher, "postgres", &error);
        return;
    }
    if (due) {
        /* Points first: what is claimed is as fresh as it can be when it is sent. */
        if (push_may_pay(pusher, SHOPIFY_SET_POINTS))
            push_claim(pusher);
        return;
    }
    (void)shopify_wait_ms(pusher->shopify, 0);
    atomic_store(&pusher->crew->is_busy, false);
    if (is_leader(pusher))
        life_wait_ms(IDLE_MS);
}

static void write_or_find(struct pusher *pusher)
{
    if (pusher->write.id == 0 && !look_for_open(pusher))
        return;
    if (pusher->write.id != 0) {
        push_deliver(pusher);
        return;
    }
    if (is_leader(pusher))
        atomic_store(&pusher->crew->epoch, pusher->lease.epoch);
    find_work(pusher);
}

static void lead(struct pusher *pusher)
{
    if (have_postgres(pusher) && have_lease(pusher) && note_throttled(pusher) &&
        push_news(pusher) && have_shop(pusher) && follow_contract(pusher))
        write_or_find(pusher);
}

/* ---- helpers ------------------------------------------------------------------------ */

/* The leader's lease, if it lets others write; what was in hand under another is its to end. */
static bool join_lease(struct pusher *pusher)
{
    long long epoch = atomic_load(&pusher->crew->epoch);
    if (pusher->held && pusher->lease.epoch == epoch)
        return true;
    pusher->write.id = 0;
    pusher->looked = false;
    pusher->held = epoch != 0;
    pusher->lease.epoch = epoch;
    pusher->lease_end_us = 0; /* it is renewed before it is relied on */
    return pusher->held;
}

static bool is_needed(const struct pusher *pusher)
{
    return pusher->write.id != 0 || atomic_load(&pusher->crew->is_busy);
}

static void help(struct pusher *pusher)
{
    if (!join_lease(pusher) || !is_needed(pusher)) {
        life_wait_ms(HELPER_IDLE_MS);
        return;
    }
    if (have_postgres(pusher) && have_lease(pusher))
        write_or_find(pusher);
}

/* A write that was stored a moment ago is delivered; one that waits is left open. */
static void end_hand(struct pusher *pusher)
{
    if (pusher->held && pusher->postgres != NULL && pusher->write.id != 0 &&
        pusher->resends == 0)
        push_deliver(pusher);
}

static void *push_help(void *self)
{
    struct pusher *pusher = self;
    while (!life_ending())
        help(pusher);
    end_hand(pusher);
    postgres_close(&pusher->postgres);
    shopify_close(&pusher->shopify);
    return NULL;
}

/* ---- the leader's life -------------------------------------------------------------- */

/* Fewer callers than wished for are slower, and nothing else. */
static size_t start_helpers(struct pusher *leader)
{
    size_t started = 0;
    while (started < leader->helper_count &&
           pthread_create(&leader->helpers[started].thread, NULL, push_help,
                          &leader->helpers[started]) == 0)
        started++;
    if (started < leader->helper_count)
        log_warn("not all callers can be started", LOG_TEXT("shop", leader->name),
                 LOG_INT("callers", (int64_t)started + 1), LOG_END);
    return started;
}

static void leave(struct pusher *pusher)
{
    struct error error = {0};
    push_news_leave(pusher);
    /* No call of ours is under way any more, so the next one need not wait. */
    if (pusher->held && pusher->postgres != NULL)
        (void)store_lease_release(pusher->postgres, &pusher->lease, &error);
    postgres_close(&pusher->postgres);
    shopify_close(&pusher->shopify);
}

void *push_run(void *self)
{
    struct pusher *pusher = self;
    size_t helpers = start_helpers(pusher);
    while (!life_ending()) {
        admin_alive();
        lead(pusher);
    }
    end_hand(pusher);
    for (size_t at = 0; at < helpers; at++)
        (void)pthread_join(pusher->helpers[at].thread, NULL);
    leave(pusher);
    return NULL;
}
