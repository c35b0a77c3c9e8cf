/*
 * push: threads of a shop are its callers, each with a connection to Postgres and one to the
 * shop. The first leads: it holds the lease and does all that is done once a shop. The others
 * help while there is more to write than fits into one call, so that a shop's cost bucket is
 * used up however long an answer takes; they write under the leader's lease, and only once it
 * has said so. Claims skip what another has locked or is writing.
 *
 * The order of work of a step, and why nothing is written twice:
 *
 *     the lease         only its holder writes to the shop; the database's clock decides
 *     news              incidents of refused pairs, opened, ended and told (push_news.h)
 *     open writes       a write without a verdict comes first: same key, same bytes; only
 *                       when the shop says what came of it, or the pairs were read, are
 *                       its pairs free again
 *     claim             dirty pairs, locked; key and exact bytes are stored and committed
 *     deliver           the socket write, then the verdict, then the rows
 *
 * A process that dies anywhere leaves either no row (nothing was sent) or an open write,
 * which its successor resolves. Whatever fails on the way to Postgres is forgotten here
 * and loaded again from there.
 */
#ifndef PARSTOCK_WORKERS_PUSH_PUSH_H
#define PARSTOCK_WORKERS_PUSH_PUSH_H

#include "common/codec/traceparent.h"
#include "common/domain/contract.h"
#include "common/io/shopify.h"
#include "common/io/store_incidents.h"
#include "common/io/store_push.h"
#include "common/runtime/config.h"
#include "common/runtime/histogram.h"
#include "common/runtime/metrics.h"
#include "common/runtime/shop_access.h"
#include "workers/push/push_news.h"

#include <pthread.h>
#include <stdatomic.h>

#define PUSH_OWNER_MAX 128
#define PUSH_POOL_MAX ((size_t)16 << 20)
#define PUSH_FAULT_MAX 96
#define PUSH_CALLERS_MAX 32

struct push_metrics {
    struct metric *verdicts[PUSH_VERDICT_COUNT];
    struct metric *pairs_written;
    struct metric *pairs_dirty;
    struct metric *pairs_faulted;
    struct metric *pairs_read;
    struct metric *throttle; /* seconds */
    struct metric *oldest;   /* seconds */
    struct metric *bucket;
    struct metric *bucket_limit;
    struct histogram *call_seconds;
};

struct push_settings {
    const struct config *config;
    const struct contract *contract;
    int64_t lease_ms;
    int64_t timeout_ms; /* of one call to the shop */
    size_t calls;       /* callers of a shop */
};

/* What the callers of one shop share. */
struct push_crew {
    atomic_llong epoch; /* of the lease under which helpers may write; 0 = they may not */
    atomic_bool is_busy; /* the last claim was a full one: more calls are worth it */
    atomic_size_t limit; /* pairs a call, halved while a bad pair hides */
    atomic_llong
        refused; /* the write that was refused last, for the evidence; 0 = none */
    atomic_bool look_soon; /* pairs were refused: looked at in the leader's next step */
    atomic_bool throttled; /* a caller waited for the bucket: noted by the leader */
    char owner[PUSH_OWNER_MAX];
};

/* The trace of the call that is made. */
struct push_trace {
    bool is_there;
    bool
        is_of_many; /* pairs of several traces: it has one of its own, with links to them */
    bool is_recorded; /* it becomes a span */
    struct trace_context call;
    char header[TRACEPARENT_MAX];
};

struct pusher {
    const struct push_settings *settings;
    struct push_crew *crew;
    int16_t number; /* among the callers of its shop; 0 leads */
    const struct shop *shop;
    char name[128];            /* the shop's, for log lines */
    char part[128];            /* "shop <name>", for readiness */
    struct shop_places places; /* the leader's own; the others look at it */
    struct postgres *postgres;
    struct shopify *shopify;
    struct push_lease lease;
    bool held; /* we hold the lease, as far as we know */
    int64_t
        lease_end_us;   /* of the monotonic clock; never later than the database's end */
    bool greeted;       /* the shop answered and has the scopes */
    bool looked;        /* open writes were looked for since the lease was taken */
    bool adopted;       /* the levels follow our contract since the lease was taken */
    int tries;          /* of whatever is away */
    char complaint[96]; /* what was said last of it, so that it is said once */
    int resends;        /* of the open write by this process without a verdict */
    bool maybe_applied; /* the open write may have been applied by an earlier try */
    int64_t backlog_at_us;
    int64_t levels;    /* of the shop, as last counted for the guard of zeroes */
    int64_t levels_us; /* monotonic: good until then */
    int64_t zeroes;    /* that wait, as last counted */
    int64_t zeroes_us;
    int64_t throttled_at_us; /* when it was noted last */
    struct open_write write;
    struct pool pool; /* texts of `write` and of the claim; reset with the next one */
    struct buf body;
    struct claim claimed;
    struct shopify_set_call call;
    struct push_decision decision;
    struct push_trace trace;
    char faults[PUSH_PAIRS_MAX][PUSH_FAULT_MAX];
    struct push_metrics metrics;
    struct push_news news;
    struct pusher *helpers; /* of a leader */
    size_t helper_count;
    pthread_t thread;
};

/* Claimed pairs by what is to be done with them. */
struct push_sorted {
    const struct claimed_pair *faulty[PUSH_PAIRS_MAX];
    const struct claimed_pair *unread[PUSH_PAIRS_MAX];
    const struct claimed_pair *ready[PUSH_PAIRS_MAX];
    const struct claimed_pair *idle[PUSH_PAIRS_MAX]; /* to be activated */
    size_t idle_count;
    size_t faulty_count;
    size_t unread_count;
    size_t ready_count;
};

/* push_loop.c */
void *push_run(void *pusher); /* a leader's thread, until life_ending */
/* Is all well with the shop? The leader's word counts; the others meet the same outages. */
void push_says(struct pusher *pusher, bool ready, const char *why);
/* Something failed: says so once, forgets what is in hand, waits. */
void push_trouble(struct pusher *pusher, const char *what, const struct error *error);
/* All is well (again). */
void push_ready(struct pusher *pusher);
/* The lease may have another holder: everything in hand is no longer ours. */
void push_lost(struct pusher *pusher);
/* Waits for the shop's bucket; false: the time is not up yet, come again. */
bool push_may_pay(struct pusher *pusher, int64_t points);

/* push_look.c: refused pairs and open incidents held against each other; false as push_news */
bool push_look(struct pusher *pusher);

/* push_claim.c: from dirty pairs to a stored write, or to a read of the shop */
void push_claim(struct pusher *pusher);
/* A random key (version 4): a write's is stored before it is used, so nothing has to
 * repeat it. */
void push_make_key(unsigned char key[16], char text[37]);

/* push_zeroing.c: within a claim, levels that a guard keeps from zero leave those that are
 * ready; within a look, the set gets the incident of a new stop, and *over_out says that
 * nothing is held any more. */
enum status push_hold_zeroes(struct pusher *pusher, struct push_sorted *sorted,
                             struct error *error);
enum status push_look_zeroing(struct pusher *pusher, struct pool *pool,
                              struct incident_set *set, bool *over_out,
                              struct error *error);

/* push_activate.c: pairs that the shop does not stock, where the contract says to */
void push_activate(struct pusher *pusher, const struct claimed_pair *const *pairs,
                   size_t count);

/* push_read.c */
void push_read(struct pusher *pusher, const struct claimed_pair *const *pairs,
               size_t count);

/* push_trace.c: the trace of the next call of the open write; and, judged, its spans */
void push_trace_begin(struct pusher *pusher);
void push_trace_end(const struct pusher *pusher, int64_t took_us);

/* push_deliver.c: sends the open write and settles it */
void push_deliver(struct pusher *pusher);

#endif
