/*
 * What an incident of a refused pair says: the cause by the shop's code, the rule's why as
 * its root cause, and what a person does about it. One row a rule that quarantines. Pure.
 */
#ifndef PARSTOCK_DOMAIN_PUSH_INCIDENT_H
#define PARSTOCK_DOMAIN_PUSH_INCIDENT_H

#include "common/domain/incident.h"
#include "common/domain/push_rules.h"

/* What shop_levels.fault says of a refused pair: this and the shop's code. */
#define PUSH_QUARANTINED "quarantined: "

/* The code of such a fault; empty where the fault is another. */
struct span push_fault_code(struct span fault);

/* Always one: a code that no row names is found by the last rule of its kind. */
struct incident_finding push_finding(struct span code);

#endif
