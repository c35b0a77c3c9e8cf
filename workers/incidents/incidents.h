/*
 * What the parts of 'parstock incidents' share.
 */
#ifndef PARSTOCK_WORKERS_INCIDENTS_INCIDENTS_H
#define PARSTOCK_WORKERS_INCIDENTS_INCIDENTS_H

#include "common/io/store_incident_life.h"
#include "common/runtime/output.h"

#define INCIDENTS_IDS_MAX 100     /* named in one command */
#define INCIDENTS_FOUND_MAX 10000 /* by a filter in one command */

struct incidents_flags {
    bool all;
    bool dry_run;
    const char *state;
    const char *class;
    const char *shop;
    const char *sku;
    const char *severity;
    const char *since;
    const char *actor;
    const char *note;
    const char *reason; /* another word for note */
    const char *root_cause;
    const char *remediation;
    const char *confirm;
};

struct incidents {
    const struct config *config;
    const struct incidents_flags *flags;
    struct incident_filter filter;
    enum output output;
    struct postgres *postgres;
    struct pool pool; /* texts of the filter and of ids */
    int word_count;   /* after the verb */
    char **words;
};

/* incidents_filter.c: flags to a filter; texts in the pool. `steps`: of the SKU. */
enum status incidents_filter(struct incidents *self, unsigned steps, struct error *error);

/* True where a flag narrows what is meant. */
bool incidents_is_filtered(const struct incidents_flags *flags);

/* incidents_print.c */
enum status incidents_list(struct incidents *self, struct error *error);
enum status incidents_show(struct incidents *self, struct error *error);

/* incidents_act.c: ack, approve, reject, resolve, reopen */
enum status incidents_act(struct incidents *self, enum incident_verb verb,
                          struct error *error);

#endif
