/*
 * The SQL of dead letters: which were sent again, by whom and why; and what apply would find
 * if one came once more.
 */
#ifndef PARSTOCK_IO_STORE_LETTERS_H
#define PARSTOCK_IO_STORE_LETTERS_H

#include "common/base/pool.h"
#include "common/codec/event_key.h"
#include "common/domain/reading.h"
#include "common/io/postgres.h"

struct letter_ref {
    int32_t partition;
    int64_t offset;
};

/* ---- what was sent again ------------------------------------------------------------------ */

/* Spans are valid during the call that brings them. */
struct letter_retry_view {
    struct letter_ref ref;
    int64_t attempt;
    int64_t at_us;
    struct span actor;
    struct span why;
    bool is_edited;
    struct span state; /* intended, sent */
    struct span digest_received;
    struct span digest_sent;
    struct span expected;
};

struct letter_retry_visitor {
    enum status (*each)(void *self, const struct letter_retry_view *view,
                        struct error *error);
    void *self;
};

/* Places of all letters of the topic that were sent again, each once; in no order. */
enum status store_letters_retried(struct postgres *postgres, struct span topic,
                                  const struct row_visitor *visitor, struct error *error);
struct letter_ref store_letters_ref(const struct rows *row);

/* All tries of one letter, the newest first. */
enum status store_letters_tries(struct postgres *postgres, struct span topic,
                                struct letter_ref ref,
                                const struct letter_retry_visitor *visitor,
                                struct error *error);

struct letter_retry {
    struct span topic;
    struct letter_ref ref;
    int64_t
        command; /* by store_letters_command: the same of all that one command sends */
    struct span sku;
    struct span location; /* "" = what is sent can not be read, or names none */
    struct span origin_topic;
    int64_t origin_partition;
    int64_t origin_offset;
    struct span reason;
    struct span expected;
    bool is_forced;
    bool is_edited;
    const char *digest_received;
    const char *digest_sent;
    struct span actor;
    struct span why;
};

/* The number of a command that sends letters. */
enum status store_letters_command(struct postgres *postgres, int64_t *command_out,
                                  struct error *error);
/* Before it is sent; *attempt_out numbers the tries of the letter from 1. */
enum status store_letters_intend(struct postgres *postgres,
                                 const struct letter_retry *retry, int64_t *attempt_out,
                                 struct error *error);
/* The broker has it. */
enum status store_letters_sent(struct postgres *postgres,
                               const struct letter_retry *retry, int64_t attempt,
                               struct error *error);

/* ---- what apply would find ------------------------------------------------------------------ */

/* Of many events at once: the fingerprint that the ledger has under each key. */
struct letter_key {
    const unsigned char *key; /* EVENT_KEY_BYTES */
    bool is_known;
    int64_t fingerprint;
};
enum status store_letters_keys(struct postgres *postgres, struct letter_key *keys,
                               size_t count, struct error *error);

/* Readings and level of one place. `readings`: one a source of the contract, then one a
 * shop, cleared by the caller. */
struct letter_place_state {
    struct reading *readings;
    struct level level;
};
enum status store_letters_place(struct postgres *postgres,
                                const struct contract *contract,
                                const struct event *event,
                                struct letter_place_state *state, struct error *error);

/* The sum of the adjustments of the event's source that occurred after it. */
enum status store_letters_later(struct postgres *postgres, const struct event *event,
                                int64_t *sum_out, struct error *error);

#endif
