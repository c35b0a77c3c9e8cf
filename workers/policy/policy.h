/*
 * What the files of `parstock policy` share.
 */
#ifndef PARSTOCK_WORKERS_POLICY_POLICY_H
#define PARSTOCK_WORKERS_POLICY_POLICY_H

#include "common/base/pool.h"
#include "common/domain/contract.h"
#include "common/runtime/output.h"

struct policy_flags {
    const char *finding;
    const char *cause;
    const char *risk;
    const char *shop;
    const char *location;
    const char *sku;
    const char *tag;
    const char *desired;
    const char *shown;
    const char *value;
    int64_t drifted;
    const char *since;
    const char *until;
    bool all;
};

/* Prints what is wrong; exit code 1 where anything is. */
enum status policy_print_lint(const struct contract *contract, enum output output,
                              struct error *error);

/* The whole rulebook. */
void policy_print_rules(const struct contract *contract, enum output output);

/* Which rule takes the finding, and why. */
void policy_print_verdict(const struct contract *contract,
                          const struct policy_facts *facts, enum output output);

/* Is explain asked about a finding? */
bool policy_is_asked(const struct policy_flags *flags);

/* What a finding is looked for with. */
struct policy_asked {
    const struct config *config;
    const struct policy_flags *flags;
    const struct contract *contract;
    struct pool *pool;
};

/* The finding's facts, texts in the pool or in the flags. */
enum status policy_given(const struct policy_asked *asked, struct policy_facts *facts_out,
                         struct error *error);

/* What the contract file would have made of the past; writes nothing. */
enum status policy_simulate(const struct policy_asked *asked, enum output output,
                            struct error *error);

#endif
