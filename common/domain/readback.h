/*
 * What came of a resync, judged by what is known of its pair since it was marked. A resync
 * is done only once the shop was read after the write, and showed what it should. Pure.
 */
#ifndef PARSTOCK_DOMAIN_READBACK_H
#define PARSTOCK_DOMAIN_READBACK_H

#include "common/base/span.h"

enum readback_next {
    READBACK_WAIT, /* push has not come to rest with it */
    READBACK_READ, /* it has: the shop is read once more */
    READBACK_DONE,
    READBACK_FAILED,
};

struct readback_look {
    bool is_there;     /* the pair has a row */
    bool is_reading;   /* it was marked to be read once more */
    struct span fault; /* why push leaves it alone; empty = it does not */
    bool is_dirty;
    bool is_undecided; /* desired is not to be trusted at this moment */
    bool is_in_flight;
    bool has_desired;
    int64_t desired;
    int64_t written; /* desired when push was at rest with it, while reading */
    bool has_shown;
    int64_t shown;
    bool is_in_debt;     /* sold beyond what there is: it rests below what is desired */
    bool is_seen_since;  /* the shop was heard of after the mark */
    int64_t age_ms;      /* since it was acted on first */
    int64_t patience_ms; /* how long it may take */
};

struct readback_rule {
    const char *id;
    enum readback_next next;
    bool (*fits)(const struct readback_look *look);
    const char *why;
};

/* Always a row: the last one fits everything. */
const struct readback_rule *readback_judge(const struct readback_look *look);

/* The rule of a resync that push never came to: of all its failures the one that is no
 * matter of the pair. */
const struct readback_rule *readback_late(void);

#endif
