/*
 * The verdict of a week, and who takes it from here. Both are tables; the first row that
 * holds decides. Pure: the same inputs give the same verdict, on any machine, from a packet
 * alone. docs/kpi.md prints the rules.
 *
 * A rate is mismatched of compared pairs, by the day; "the rate" of a period is the median
 * of its days. Source: outside interface, section 4; design, rule 4.
 */
#ifndef PARSTOCK_DOMAIN_VERDICT_H
#define PARSTOCK_DOMAIN_VERDICT_H

#include "common/domain/trend.h"
#include "common/domain/week.h"

/* Shares of fewer things than this are not asked about: one of two is no half. */
#define VERDICT_FEW 10

enum verdict_unit { VERDICT_COUNT, VERDICT_SHARE, VERDICT_TIME, VERDICT_DAYS };

struct verdict_rule {
    const char *id;
    enum week_verdict verdict; /* where the rule holds */
    const char *why;           /* what it means, for people */
    enum verdict_unit unit;    /* of the numbers below */
};

/* What a rule looked at: its number and what that was held against. */
struct verdict_look {
    const struct verdict_rule *rule;
    bool holds;
    int64_t value; /* of the week; -1 = there is none */
    int64_t limit;
    const struct kpi_place *place; /* of the week's; NULL = all of it */
};

/* Who takes over: rows of trouble by what leads. */
struct verdict_handoff {
    const char *to;    /* workflow-orchestration, observability, inventory, none */
    const char *leads; /* delays, alerts, or a cause; "nothing" */
    int64_t part;      /* pairs, or alerts, of what leads */
    int64_t whole;     /* of everything */
    const char *why;
};

struct verdict {
    enum week_verdict verdict;
    struct verdict_look look; /* of the rule that decided */
    struct verdict_handoff handoff;
};

struct verdict verdict_judge(const struct week_inputs *inputs);

/* The rules in their order, and what each of them sees; also of those behind the first that
 * holds. */
size_t verdict_rule_count(void);
const struct verdict_rule *verdict_rule(size_t at);
struct verdict_look verdict_look(const struct week_inputs *inputs, size_t at);

struct verdict_handoff verdict_handoff(const struct kpi_period *period);

/* ---- what the rules go by, for whoever draws it ---------------------------------------------- */

/* Mismatched of compared pairs by the day, of a place or of all (NULL); days without a
 * comparison are left out. Returns how many of the period's days there are. */
size_t verdict_rates(const struct kpi_period *period, const struct kpi_place *place,
                     struct trend_point points[KPI_DAYS_MAX]);
/* The median of them; -1 = there is none. */
int64_t verdict_rate(const struct kpi_period *period, const struct kpi_place *place);

/* Days on which sweeps compared enough of what they knew of the place. */
int64_t verdict_covered_days(const struct kpi_period *period,
                             const struct kpi_place *place, int64_t coverage_share);

#endif
