/*
 * What the parts of `parstock replay` share.
 *
 *     replay.c          flags and verbs
 *     replay_choice.c   which records: by time, offset, SKU, source, or all
 *     replay_shadow.c   a shadow made, and found again
 *     replay_run.c      `apply --shadow` started and watched until it is done
 *     replay_status.c   the shadow held against the live state
 *     replay_promote.c  the shadow in the live state's place
 *     replay_former.c   the state that it took the place of
 */
#ifndef PARSTOCK_WORKERS_REPLAY_REPLAY_H
#define PARSTOCK_WORKERS_REPLAY_REPLAY_H

#include "common/base/pool.h"
#include "common/domain/contract.h"
#include "common/io/kafka_span.h"
#include "common/io/store_replay.h"
#include "common/runtime/output.h"
#include "common/runtime/shadow.h"

#define REPLAY_TOPIC_MAX 256

struct replay_flags {
    const char *into; /* "shadow" or "live" */
    const char *name; /* of the shadow */
    const char *since;
    const char *until;
    const char *from; /* P:OFFSET,.. */
    const char *to;
    const char *sku;
    const char *source;
    const char *file;
    const char *out;
    const char *confirm;
    int64_t rate;
    int64_t limit;
    int64_t sample;
    int64_t max_lag;
    bool fresh;
    bool accept_gap;
    bool dry_run;
};

/* One partition of the topic, and what was chosen of it. */
struct replay_part {
    int32_t partition;
    struct kafka_bounds held;     /* what the topic has */
    struct replay_live_part live; /* what was judged; next_offset -1: nothing */
    int64_t from;                 /* chosen: [from, until) */
    int64_t until;
    int64_t lost; /* chosen, but retention removed them */
};

struct replay_choice {
    char text[REPLAY_CHOICE_MAX]; /* the flags that chose; "" = everything */
    struct span sku;              /* normalised; absent: all */
    struct span source;
    int32_t partitions;
    struct replay_part *parts;
    int64_t records; /* between the offsets, those left out by SKU or source included */
    int64_t lost;
    struct replay_past past;
};

struct replay {
    const struct config *config;
    const struct replay_flags *flags;
    enum output output;
    char topic[REPLAY_TOPIC_MAX];
    char shadow_schema[SHADOW_SCHEMA_MAX];
    struct kafka_options kafka;
    struct kafka_span *span;
    struct postgres *live;
    struct postgres *shadow;
    struct buf contract_text;
    struct contract *contract;
    struct pool pool;
    struct replay_choice choice;
    int64_t round;       /* of work on the shadow; 0: not joined yet */
    bool is_alone;       /* nobody else worked on it when we joined */
    int64_t wait_max_us; /* for replay_run; 0 = as long as it takes */
};

/* ---- replay.c ------------------------------------------------------------------------------ */

enum status replay_refuse(struct error *error, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum status replay_contract(struct replay *replay, struct error *error);
enum status replay_live(struct replay *replay, struct error *error);   /* connects */
enum status replay_shadow(struct replay *replay, struct error *error); /* connects */
enum status replay_connect(const struct replay *replay, const char *schema,
                           struct postgres **slot, struct error *error);

/* ---- replay_choice.c ----------------------------------------------------------------------- */

/* Reads the flags and asks the broker and the live state; fills replay->choice. A shadow ends
 * where the live state is, so that it judges nothing that the live state has not. */
enum status replay_choose(struct replay *replay, bool up_to_live, struct error *error);

/* The same of a file, by what is in it: one part, whose offsets are its records. */
enum status replay_choose_file(struct replay *replay, const char *digest, int64_t records,
                               struct error *error);

/* What of the choice the topic no longer holds as it was judged; false: nothing. */
bool replay_gap(const struct replay *replay, char why_out[REPLAY_WHY_MAX]);

/* Why a shadow of the choice would not be all that the live state is; "" = it would. */
void replay_why_not_whole(const struct replay *replay, char why_out[REPLAY_WHY_MAX]);

/* ---- replay_shadow.c ----------------------------------------------------------------------- */

/* Makes the shadow, or finds the one of the same choice and contract and lets it go on up to
 * where the live state is now. */
enum status replay_prepare(struct replay *replay, struct error *error);

/* The shadow that there is; STATUS_REJECT (65) where there is none. */
enum status replay_find(struct replay *replay, struct shadow_facts *facts_out,
                        struct error *error);

enum status replay_drop(struct replay *replay, struct error *error);

/* ---- replay_former.c ----------------------------------------------------------------------- */

/* The name says that it is a state that was live once; replay alone makes such. */
bool replay_is_former(const char *name);

/* The former state goes on with the contract file that is given, as a live state would. */
enum status replay_former_adopt(struct replay *replay, struct shadow_facts *facts,
                                struct error *error);

/* STATUS_REJECT where the topic no longer holds what the former state has yet to judge. */
enum status replay_former_check(struct replay *replay, struct error *error);

/* ---- replay_run.c -------------------------------------------------------------------------- */

struct replay_reach {
    int64_t done;
    int64_t left;
    int64_t read;       /* records judged */
    int64_t elapsed_us; /* of judging; joining the group is not in it */
};

/* Joins those who work on the shadow; sets replay->is_alone. */
enum status replay_join(struct replay *replay, struct error *error);

/* Until every partition of the shadow is at the offsets that replay_prepare set, by this
 * process and others. STATUS_RETRY (75): asked to end before. */
enum status replay_run(struct replay *replay, struct replay_reach *reach_out,
                       struct error *error);

/* How far the shadow is from its goal, or, where a choice was made, from that. */
enum status replay_look(struct replay *replay, struct replay_reach *reach,
                        struct error *error);

/* ---- replay_progress.c --------------------------------------------------------------------- */

struct replay_progress {
    const char *doing;
    bool is_terminal;
    bool is_drawn;
    int64_t started_us;
    int64_t next_us;
    int64_t done_before; /* by runs before this one */
};
void replay_progress_begin(struct replay_progress *progress, const char *doing,
                           int64_t done_before);
void replay_progress_show(struct replay_progress *progress, int64_t done, int64_t left);
void replay_progress_end(struct replay_progress *progress);

/* ---- verbs --------------------------------------------------------------------------------- */

enum status replay_plan_verb(struct replay *replay, struct error *error);
enum status replay_run_verb(struct replay *replay, struct error *error);
enum status replay_status_verb(struct replay *replay, struct error *error);
enum status replay_promote_verb(struct replay *replay, struct error *error);
enum status replay_drop_verb(struct replay *replay, struct error *error);

#endif
