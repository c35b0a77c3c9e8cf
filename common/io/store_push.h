/*
 * All SQL of push: the lease of a shop, the claim of dirty pairs, the rows of writes.
 *
 * Every statement that changes something also holds the lease's row with owner and epoch:
 * where another has taken over it changes nothing and sets lease.lost. Times of the
 * lease are the database's clock alone.
 *
 * A pair is safe to write only while shown is known and write_id is empty. An unknown
 * outcome ends in shown = null, so that the pair must be read before its next write. What a
 * read finds below left_at, the level that we last saw or wrote there, has left the shop: it
 * is noted in shop_units and taken off until the source has seen it (unseen.h).
 *
 * Statuses as in common/io/postgres.h. Texts of rows are copied into the caller's pool.
 */
#ifndef PARSTOCK_IO_STORE_PUSH_H
#define PARSTOCK_IO_STORE_PUSH_H

#include "common/base/pool.h"
#include "common/domain/contract.h"
#include "common/domain/push_decide.h"
#include "common/io/postgres.h"

struct push_lease {
    struct span shop;
    struct span owner; /* unique to this process and start */
    int64_t epoch;
    int64_t length_ms;
    int16_t caller; /* which of the holder's; 0 leads, and ends what others left open */
    bool lost;      /* by the last statement: another holds it, nothing was changed */
};

/* $1 to $4 of a statement under the lease (UNDER_LEASE). */
void store_lease_params(struct pg_params *params, const struct push_lease *lease);

/* Takes a free or expired lease and sets its epoch; *taken_out false: another holds it.
 */
enum status store_lease_take(struct postgres *postgres, struct push_lease *lease,
                             struct error *error);
enum status store_lease_renew(struct postgres *postgres, struct push_lease *lease,
                              struct error *error);
/* Lets the next one in at once. */
enum status store_lease_release(struct postgres *postgres, struct push_lease *lease,
                                struct error *error);

/* Notes that the shop's bucket keeps us waiting; lease->lost as above. */
enum status store_lease_throttled(struct postgres *postgres, struct push_lease *lease,
                                  struct error *error);

/* Codes of the contract's locations and the shop's ids of them, side by side. */
struct shop_places {
    struct span *codes;
    struct span *gids;
    size_t count;
};

/* A dirty pair that is locked by the transaction that claimed it. */
struct claimed_pair {
    struct span sku;
    struct span location;
    struct span item;    /* bytes NULL with a fault */
    struct span gid;     /* bytes NULL with a fault */
    struct span raw_sku; /* as the catalogue has it */
    bool has_desired;
    bool undecided; /* desired is not to be trusted */
    int64_t desired;
    int64_t short_units; /* once decided: sold beyond what there is */
    int64_t shown;
    bool has_shown;
    bool is_doubtful; /* units were put back since it was seen; has_shown is false then */
    char fault[24];   /* why it can't be written by the catalogue; "" = it can */
    struct span traceparent; /* of the event behind its number; bytes NULL = none */
};

/* Is there a pair that this caller would claim now? Cheap; takes no lock. */
enum status store_push_due(struct postgres *postgres, const struct push_lease *lease,
                           bool *due_out, struct error *error);

struct claim {
    const struct shop_places *places;
    enum level_state mode; /* of the shop */
    size_t limit;          /* at most PUSH_PAIRS_MAX */
    struct pool *pool;
    /* out */
    int64_t at_us; /* the database's clock once all pairs were locked */
    size_t count;
    struct claimed_pair pairs[PUSH_PAIRS_MAX];
};

/*
 * Within a transaction of the caller: renews the lease and locks up to `limit` dirty pairs,
 * the longest waiting first. Pairs that must be read or stocked go to the caller that leads.
 */
enum status store_claim(struct postgres *postgres, struct push_lease *lease,
                        struct claim *claim, struct error *error);

/*
 * Forgets what the doubtful ones show; same transaction. An order that was cancelled raised
 * the shop's level, and one that nobody told of may have lowered it again: the level is what
 * it was, so that no compare-and-set notices, and a unit is sold. A read does, by what should
 * be there (race, seed 7).
 */
enum status store_doubt(struct postgres *postgres, struct span shop,
                        const struct claim *claim, struct error *error);

/* Marks claimed pairs with their faults; same transaction. */
enum status store_faults(struct postgres *postgres, struct span shop,
                         const struct claimed_pair *const *pairs, size_t count,
                         struct error *error);

/* What was decided of claimed pairs; same transaction. A pair that is at par rests. */
enum status store_decided(struct postgres *postgres, struct span shop,
                          const struct claimed_pair *pairs, size_t count,
                          struct error *error);

/*
 * From now on the shop's levels follow this contract: where it is another one than before, all pairs are decided anew, those too that had no row yet.
 */
enum status store_adopt_contract(struct postgres *postgres, struct push_lease *lease,
                                 const struct shop_places *places,
                                 const struct contract *contract, struct error *error);

struct new_write {
    const unsigned char *key; /* 16 bytes */
    struct span body;
    const struct claimed_pair *const *pairs; /* in the body's order */
    size_t count;
};

/* Stores a write and its exact bytes; same transaction. */
enum status store_write(struct postgres *postgres, const struct push_lease *lease,
                        const struct new_write *write, int64_t *id_out,
                        struct error *error);

/* A write that is not settled, with its pairs in the body's order. */
struct open_write {
    int64_t id; /* 0: there is none */
    struct span key;
    struct span body;
    int64_t attempts;
    int64_t age_ms;
    size_t count;
    struct span skus[PUSH_PAIRS_MAX];
    struct span locations[PUSH_PAIRS_MAX];
    int64_t quantities[PUSH_PAIRS_MAX];
    struct span traceparents[PUSH_PAIRS_MAX]; /* bytes NULL = none */
};

/* The oldest open write of this caller, and, for the one that leads, of any earlier holder;
 * texts in the pool. */
enum status store_open_write(struct postgres *postgres, const struct push_lease *lease,
                             struct pool *pool, struct open_write *write_out,
                             struct error *error);

/* A try that left the write open; unknown = it may have been applied. */
enum status store_try(struct postgres *postgres, int64_t write_id, bool unknown,
                      const char *detail, struct error *error);

struct settlement {
    const char *state; /* applied, refused, superseded */
    const char *detail;
    const enum push_fate *fates; /* one a pair */
    const char *const *faults;   /* one a pair, for PUSH_FATE_QUARANTINE */
    int64_t hold_ms;             /* pairs to be read again rest this long */
    bool maybe_applied;          /* a pair to be read again may show what was written */
};

/* Ends a write and frees its pairs. Repeating it changes nothing. */
enum status store_settle(struct postgres *postgres, struct push_lease *lease,
                         const struct open_write *write,
                         const struct settlement *settlement, struct error *error);

/* What a read of the shop found. */
struct read_pair {
    struct span sku;
    struct span location;
    bool has_shown;
    int64_t shown;
    const char *fault; /* "" = none */
};

struct shown_levels {
    enum level_state mode; /* what was read */
    int64_t since_us;      /* claim's at_us: the read began later */
    const struct read_pair *pairs;
    size_t count;
};

/*
 * Takes levels read for pairs whose shown is not known and that no write holds; not for those
 * of which something was learnt after since_us. The read may then be older than a write whose
 * outcome is not known, and the level on its way to another.
 */
enum status store_shown(struct postgres *postgres, struct push_lease *lease,
                        const struct shown_levels *levels, struct error *error);

/* A pair that the shop was asked to stock. */
struct activated_pair {
    struct span sku;
    struct span location;
    const char *fault; /* "" = it does; the level is to be read before its first write */
};

enum status store_activated(struct postgres *postgres, struct push_lease *lease,
                            const struct activated_pair *pairs, size_t count,
                            struct error *error);

struct push_backlog {
    int64_t dirty;   /* waiting to be written */
    int64_t faulted; /* dirty, and left alone for a reason */
    int64_t
        oldest_us; /* since the level of the longest waiting one was decided; 0: none */
};

enum status store_backlog(struct postgres *postgres, struct span shop,
                          struct push_backlog *backlog_out, struct error *error);

#endif
