/*
 * What the files of `parstock week` share.
 */
#ifndef PARSTOCK_WORKERS_WEEK_WEEK_H
#define PARSTOCK_WORKERS_WEEK_WEEK_H

#include "common/runtime/output.h"
#include "common/runtime/week_view.h"

struct week_flags {
    const char *by;
    const char *why;
    int64_t baseline;
    int64_t limit;
    bool again;
    bool dry_run;
};

struct week_job {
    const struct config *config;
    const struct contract *contract;
    const struct week_flags *flags;
    struct postgres *postgres;
    struct pool *pool;
    enum output output;
    int32_t monday;
    int exit_code;
};

enum status week_show(struct week_job *job, struct error *error);
enum status week_decide(struct week_job *job, struct error *error);
enum status week_list(struct week_job *job, struct error *error);

/* KPIs, rules, and the ruling. */
enum status week_print(const struct week_job *job, const struct week_view *view,
                       struct error *error);
/* The verdict alone, with what it rests on. */
enum status week_print_verdict(const struct week_job *job, const struct week_view *view,
                               struct error *error);

/* The table of rules, whatever the week. */
enum status week_print_rules(struct week_job *job, struct error *error);

#endif
