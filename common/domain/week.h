/*
 * A verification week: what was counted in it, the baseline it is held against, and what was
 * decided. Weeks are ISO 8601 weeks (Monday to Sunday) in UTC. Plain values; texts and rows
 * belong to the caller. common/domain/verdict judges; common/codec/week_json writes them down
 * in one canonical form, whose digest a decision names.
 * Source: outside interface, section 4 (`baseline capture`, `week decide`, `packet`).
 */
#ifndef PARSTOCK_DOMAIN_WEEK_H
#define PARSTOCK_DOMAIN_WEEK_H

#include "common/domain/kpi.h"

#define WEEK_DAYS 7
#define WEEK_NAME_MAX 9 /* "2026-W48" */
#define WEEK_DAY_MAX 11 /* "2026-11-25" */
#define WEEK_TEXT_MAX 2000
#define WEEK_ACTOR_MAX 200
#define WEEK_DIGEST_MAX 65 /* SHA-256 in hex */

/* How things stood while automation was off. */
struct week_baseline {
    int64_t id; /* 0 = there is none */
    int64_t captured_at_us;
    struct span by;
    struct span note;
    struct span contract; /* digest of the file, hex */
    int64_t resyncs;      /* by rules in its days: 0, or it is none */
    int64_t writes;       /* of push in its days */
    struct kpi_period period;
};

/* All that a week is judged by. */
struct week_inputs {
    int64_t captured_at_us;
    struct span contract; /* digest of the file, hex */
    struct kpi_limits limits;
    struct week_baseline baseline;
    struct kpi_period period; /* WEEK_DAYS days from a Monday */
};

enum week_verdict { WEEK_PASS, WEEK_FAIL, WEEK_NOT_DECIDABLE, WEEK_VERDICT_COUNT };

const char *week_verdict_name(enum week_verdict verdict); /* "pass" .. "not_decidable" */
bool week_verdict_parse(struct span name, enum week_verdict *verdict_out);

/* A ruling; of several of one week the one with the highest number holds. */
struct week_decision {
    int32_t monday;
    int64_t number; /* 1 = the first of its week */
    enum week_verdict verdict;
    struct span rule;    /* that decided: common/domain/verdict */
    struct span handoff; /* who takes it from here; common/domain/verdict */
    struct span by;
    struct span why; /* by whoever decided */
    int64_t at_us;
    struct span inputs;   /* digest of the canonical bytes of its inputs, hex */
    struct span contract; /* digest of the contract file, hex */
};

/* ---- days and weeks ---------------------------------------------------------------------- */

/* The day (since 1970-01-01, UTC) of a moment. */
int32_t week_day(int64_t us);
/* Its first microsecond. */
int64_t week_day_us(int32_t day);
/* The Monday on or before the day. */
int32_t week_monday(int32_t day);

/* "2026-W48" of the week that holds the day. Years 1 to 9999. */
void week_name(int32_t day, char room[WEEK_NAME_MAX]);
/* "2026-11-25" */
void week_day_text(int32_t day, char room[WEEK_DAY_MAX]);

/* "2026-W48", or a day of it as "2026-11-25"; false: it is neither, or no such week. */
bool week_parse(struct span text, int32_t *monday_out);
/* "2026-11-25"; false: no such day between 2000 and 9999. */
bool week_day_parse(struct span text, int32_t *day_out);

#endif
