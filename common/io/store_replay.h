/*
 * Replays: shadows beside the live state (schemas/postgres/0026_replay.sql). Functions that
 * say `live` are given a connection to the live schema, those that say `shadow` one to the
 * shadow's; both may be to one database only.
 */
#ifndef PARSTOCK_IO_STORE_REPLAY_H
#define PARSTOCK_IO_STORE_REPLAY_H

#include "common/io/postgres.h"

#define REPLAY_CHOICE_MAX 512
#define REPLAY_WHY_MAX 256
#define REPLAY_DIGEST_MAX 80

/* ---- the live state ------------------------------------------------------------------------ */

/* One process at a time prepares shadows of a schema; waits for the one before. */
enum status store_replay_lock(struct postgres *live, struct span shadow,
                              struct error *error);
enum status store_replay_unlock(struct postgres *live, struct span shadow,
                                struct error *error);

/* One of those who work on the shadow, while the connection lives; under the lock above.
 * *alone_out: there is no other. */
enum status store_replay_join(struct postgres *live, struct span shadow, bool *alone_out,
                              struct error *error);

struct replay_live_part {
    int32_t partition;
    int64_t first_offset; /* that was judged */
    int64_t next_offset;  /* -1: none was */
};
#define REPLAY_PARTS_MAX 4096
/* Of the topic, at most REPLAY_PARTS_MAX, in order. */
enum status store_replay_live(struct postgres *live, struct span topic,
                              struct replay_live_part *parts, size_t *count_out,
                              struct error *error);

/* What makes a rebuild from this topic, as it is now, less than the live state. */
struct replay_past {
    int64_t other_topics; /* that records were judged of */
    int32_t partitions;   /* another count that the topic had once; 0 = none */
};
enum status store_replay_past(struct postgres *live, struct span topic,
                              int32_t partitions, struct replay_past *past_out,
                              struct error *error);

/* ---- a shadow ------------------------------------------------------------------------------ */

struct shadow_facts {
    bool exists;
    bool whole;
    bool promoted;
    int32_t contract; /* its id, the same in both schemas */
    char topic[256];
    char choice[REPLAY_CHOICE_MAX];
    char sku[REPLAY_CHOICE_MAX]; /* of the choice; "" = all */
    char why_not[REPLAY_WHY_MAX];
    char digest[REPLAY_DIGEST_MAX]; /* of the contract file */
    int64_t made_at_us;
    int64_t
        former_of; /* promotion before which it was the live state; 0 = it never was */
};

/* `exists` is false too where there is no such schema. */
enum status store_shadow_find(struct postgres *shadow, struct shadow_facts *facts_out,
                              struct error *error);

/* Says of a new shadow what it is; `text`: the contract file. */
enum status store_shadow_make(struct postgres *shadow, const struct shadow_facts *facts,
                              struct span text, struct error *error);

/* From now on the shadow is judged with that contract file. */
enum status store_shadow_adopt(struct postgres *shadow, const struct shadow_facts *facts,
                               struct span text, struct error *error);

struct shadow_part {
    int32_t partition;
    int64_t first_offset;
    int64_t next_offset;
    int64_t until_offset;
};

/* Which round of work this is: a new one for who is alone, else that of the others. */
enum status store_shadow_round(struct postgres *shadow, bool is_new, int64_t *round_out,
                               struct error *error);

/* A new partition, or a known one that is to go further. */
enum status store_shadow_place(struct postgres *shadow, struct span topic,
                               const struct shadow_part *part, struct error *error);

/* All of them in order, at most REPLAY_PARTS_MAX. */
enum status store_shadow_parts(struct postgres *shadow, struct span topic,
                               struct shadow_part *parts, size_t *count_out,
                               struct error *error);

struct shadow_counts {
    int64_t read;
    int64_t outcomes[7]; /* as in common/domain/outcome.h */
};
enum status store_shadow_counts(struct postgres *shadow, struct shadow_counts *counts_out,
                                struct error *error);

#endif
