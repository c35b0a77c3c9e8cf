/*
 * Seals of the ledger (schemas/postgres, ledger_seals): made, and checked against what the
 * ledger holds. What is in a digest: common/codec/seal_sum.h. Statuses as in
 * common/io/postgres.h.
 */
#ifndef PARSTOCK_IO_STORE_SEAL_H
#define PARSTOCK_IO_STORE_SEAL_H

#include "common/codec/seal_sum.h"
#include "common/io/postgres.h"

/* One at a time a database: waits while another process makes seals. Held until
 * store_seal_unlock, or until the connection closes. */
enum status store_seal_lock(struct postgres *postgres, struct error *error);
enum status store_seal_unlock(struct postgres *postgres, struct error *error);

/* What there is: everything of the question but what is leaving. */
enum status store_seal_find(struct postgres *postgres, struct seal_question *question_out,
                            struct error *error);

/* Adds the span up and stores its seal, in one transaction. */
enum status store_seal_make(struct postgres *postgres, const struct seal_span *span,
                            struct error *error);

/* ---- checking, within the caller's transaction ------------------------------------------ */

/* What does not fit, each with the check that found it: is_chain = a seal is not what its
 * columns and the seal before it make of it, or its parts do not add up to it; else pages are
 * not those that were sealed. */
struct seal_visitor {
    int max; /* of each check */
    enum status (*each)(void *self, bool is_chain, struct span offender,
                        struct error *error);
    void *self;
};

struct seal_checked {
    int64_t seals;
    int32_t last_day;        /* of the last seal */
    char head[SEAL_HEX_MAX]; /* the last seal; "" = there is none */
};

/* Days that retention has dropped, and those before a promotion (replay_promotions), are
 * checked by their seals alone. */
enum status store_seal_check(struct postgres *postgres,
                             const struct seal_visitor *visitor,
                             struct seal_checked *checked_out, struct error *error);

/* Pages of days from `first` to `last`, added up by `each`, a part at a time. */
struct seal_part_visitor {
    enum status (*each)(void *self, const struct seal_part *part, struct error *error);
    void *self;
};
enum status store_seal_pages(struct postgres *postgres, const struct seal_span *span,
                             const struct seal_part_visitor *visitor,
                             struct error *error);

#endif
