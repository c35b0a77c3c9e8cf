/*
 * The past as it was recorded, place by place: rows of the ledger and findings of drift, in
 * order of (SKU, location) and within it of time; for judging it again under other rules.
 * Streamed; read in one snapshot (store_history_begin). Statuses as in common/io/postgres.h.
 */
#ifndef PARSTOCK_IO_STORE_HISTORY_H
#define PARSTOCK_IO_STORE_HISTORY_H

#include "common/domain/finding.h"
#include "common/domain/outcome.h"
#include "common/domain/reading.h"
#include "common/io/postgres.h"

/* Rows of the ledger are needed from the first on, to know what was known at `since`; of
 * findings only those observed from `since` on. */
struct history_span {
    int64_t since_us;
    bool has_until;
    int64_t until_us;
    bool is_cut; /* retention has dropped the ledger's beginning */
};

enum history_kind {
    HISTORY_READING = 0, /* that was there before the first row that is left */
    HISTORY_EVENT = 1,
    HISTORY_FINDING = 2,
};

struct history_event {
    struct event event; /* with names, without indexes */
    int64_t recorded_at_ms;
    enum outcome outcome; /* as it was recorded */
    bool has_after;
    int64_t after;
};

/* Texts are valid during the call that brings them. */
struct history_row {
    enum history_kind kind;
    struct span sku;
    struct span location; /* "" = orders that have none */
    int64_t at_us;        /* judged, observed */
    struct span source;   /* HISTORY_READING */
    struct reading reading;
    struct history_event event;   /* HISTORY_EVENT */
    struct finding finding;       /* HISTORY_FINDING */
    struct finding_beside beside; /* when it was observed */
    struct span action;           /* that was taken; bytes NULL = none was */
    struct span rule;
    struct span bar;
};

struct history_visitor {
    enum status (*each)(void *self, const struct history_row *row, struct error *error);
    void *self;
};

enum status store_history_begin(struct postgres *postgres, struct error *error);

/* When the ledger's oldest kept day begins; false: nothing was dropped. */
enum status store_history_whole(struct postgres *postgres, bool *dropped_out,
                                int64_t *whole_since_us_out, struct error *error);

/* The contract file under which the newest row up to the span's end was judged: digest and
 * text. No row: there is none. */
enum status store_history_contract(struct postgres *postgres,
                                   const struct history_span *span, struct rows *rows,
                                   struct error *error);

enum status store_history(struct postgres *postgres, const struct history_span *span,
                          const struct history_visitor *visitor, struct error *error);

/* Comparisons with findings in the span, by id: id, shop, compared. */
enum status store_history_runs(struct postgres *postgres, const struct history_span *span,
                               struct rows *rows, struct error *error);

#endif
