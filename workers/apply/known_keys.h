/*
 * Which keys of a partition were judged before, without asking the database for each: the
 * partition has one fenced owner, so that what it remembers is all there is. Keys since the
 * last sealed run are in memory, exactly; sealed runs are in the table, and in memory by a
 * filter that says "certainly not" of nearly every new key, and a guide that says which few
 * entries of the run to read otherwise.
 *
 * Rebuilt from the table when a partition is taken, and after every lost connection. Where
 * the filters of a lane would outgrow their memory, known_fit takes some away (such runs are
 * then asked for every key: slower, never wrong).
 */
#ifndef PARSTOCK_WORKERS_APPLY_KNOWN_KEYS_H
#define PARSTOCK_WORKERS_APPLY_KNOWN_KEYS_H

#include "common/codec/key_run.h"
#include "common/io/store_runs.h"

struct known_run {
    int64_t id;
    int64_t first_offset;
    int64_t next_offset;
    int64_t newest_at_us;
    size_t entries;
    struct buf guide;  /* see key_run.h */
    struct buf filter; /* empty: no room for it */
};

#define KNOWN_RUNS_MAX 65536

struct known_keys {
    struct buf fresh; /* entries as in a run, in the order of judging */
    uint32_t *slots;  /* index into fresh, plus one; 0 = free */
    size_t slot_count;
    size_t pages; /* of the ledger that hold them */
    int64_t fresh_first_offset;
    int64_t newest_at_us;
    struct known_run *runs; /* oldest first */
    size_t run_count;
    size_t run_room;
    size_t filter_bytes; /* of all runs */
};

void known_init(struct known_keys *known);
void known_free(struct known_keys *known); /* and empty again, as after known_init */

/* Runs whose newest key was judged before: retention has dropped them, or will. */
void known_forget_before(struct known_keys *known, int64_t judged_at_us);

/*
 * Filters of all of them in so many bytes: while they take more, the one that holds most
 * gives up that of its oldest run. So a partition with few keys keeps its filters beside one
 * with many, and none has a share that it does not need.
 */
void known_fit(struct known_keys *const *all, size_t count, size_t bytes_max);

size_t known_fresh_count(const struct known_keys *known);

/* Rows are given newest first. STATUS_RETRY: out of memory, or more runs than KNOWN_RUNS_MAX. */
enum status known_add(struct known_keys *known, const struct key_entry *entry,
                      struct error *error);
enum status known_load_row(struct known_keys *known, const struct run_row *row,
                           struct error *error);
void known_loaded(struct known_keys *known); /* after the last row */

/* Among the keys in memory. */
bool known_find(const struct known_keys *known, const unsigned char *key,
                int64_t *fingerprint_out);
bool known_run_may_have(const struct known_run *run, const unsigned char *key);
struct key_slice known_run_slice(const struct known_run *run, const unsigned char *key);

/* A new sorted run in memory as in the table: takes copies; replaces the newest `merged`
 * runs, or (0) the fresh keys. */
enum status known_sealed(struct known_keys *known, const struct run_row *row,
                         size_t merged, struct error *error);

#endif
