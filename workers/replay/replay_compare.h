/*
 * Two states side by side: what differs, and why; and a digest of each.
 */
#ifndef PARSTOCK_WORKERS_REPLAY_COMPARE_H
#define PARSTOCK_WORKERS_REPLAY_COMPARE_H

#include "common/io/store_replay_compare.h"
#include "workers/replay/replay.h"

/* Why a row differs, the first that fits; names as printed. */
enum difference {
    DIFFERENCE_BEHIND,    /* one of the two has judged more of the SKU's partition */
    DIFFERENCE_ONLY_LIVE, /* the other has no such row */
    DIFFERENCE_ONLY_SHADOW,
    DIFFERENCE_UNDECIDED, /* of a shop: whoever writes the pair decides its number */
    DIFFERENCE_SOURCE,    /* another source rules */
    DIFFERENCE_NUMBER,
    DIFFERENCE_REST, /* a time, a version, what the number is made of */
    DIFFERENCE_COUNT
};
const char *difference_name(enum difference difference);
const char *difference_why(enum difference difference);

struct compared_table {
    int64_t rows[2]; /* live, shadow */
    char digests[2][2 * 32 + 1];
    int64_t differences[DIFFERENCE_COUNT];
};

struct comparison {
    struct compared_table tables[COMPARED_COUNT];
    int64_t differences; /* that count: neither behind nor undecided */
    int64_t behind; /* records that one of the two has judged and the other has not */
    int64_t events[2];
};

struct compared_pair {
    enum compared what;
    enum difference difference;
    const struct compared_row *rows[2]; /* live, shadow; NULL: there is none */
    const struct compared_row *any;     /* one of them: for the names */
};

struct comparison_visitor {
    enum status (*each)(void *self, const struct compared_pair *pair,
                        struct error *error);
    void *self;
};

/* Each state in a snapshot of its own; rows are visited by table, in order. */
enum status replay_compare(struct replay *replay,
                           const struct comparison_visitor *visitor,
                           struct comparison *comparison, struct error *error);

#endif
