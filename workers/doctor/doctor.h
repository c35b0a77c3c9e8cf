/*
 * parstock doctor: one finding a thing that parstock depends on, each with its remedy.
 * Checks only add findings; doctor.c prints them and chooses the exit code.
 */
#ifndef PARSTOCK_WORKERS_DOCTOR_H
#define PARSTOCK_WORKERS_DOCTOR_H

#include "common/base/buf.h"
#include "common/domain/contract.h"
#include "common/runtime/config.h"

#define FINDINGS_MAX 256

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL, VERDICT_UNREACHABLE };

struct finding {
    const char *check; /* "contract", "kafka", "topics", ... */
    enum verdict verdict;
    char text[640];
    const char *remedy; /* NULL where there is nothing to do */
};

struct doctor {
    const struct config *config;
    struct buf contract_text;
    struct contract *contract; /* NULL where the file is not valid */
    struct finding findings[FINDINGS_MAX];
    size_t count;
};

/* Adds a finding and returns it, so that a remedy can be set. Past FINDINGS_MAX the last
 * one is overwritten. */
struct finding *doctor_say(struct doctor *doctor, const char *check, enum verdict verdict,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same from an error: STATUS_RETRY is unreachable, anything else failed. */
struct finding *doctor_error(struct doctor *doctor, const char *check,
                             const struct error *error);

void doctor_check_contract(struct doctor *doctor);
void doctor_check_kafka(struct doctor *doctor);
/* The newest events of stock-changes, a topic of so many partitions. */
void doctor_check_placement(struct doctor *doctor, int32_t partitions);
void doctor_check_postgres(struct doctor *doctor); /* schema and clock too */
void doctor_check_shops(struct doctor *doctor);    /* after doctor_check_contract */
void doctor_check_gateway(struct doctor *doctor);  /* after doctor_check_contract */
void doctor_check_files(struct doctor *doctor);    /* secrets that others can read */

#endif
