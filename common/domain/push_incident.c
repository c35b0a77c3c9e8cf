#include "common/domain/push_incident.h"

#include "common/base/check.h"

#define THEN_SYNC " Then run 'parstock catalog sync': it lets push try again."

/* One row a rule of push_rules that quarantines a pair; the last one takes any other. */
static const struct {
    const char *rule;
    const char *cause;
    const char *severity;
    const char *remediation;
} ROWS[] = {
    {"item_gone", "identity", "error",
     "Run 'parstock catalog sync': it finds the item that has this SKU now. Where there is "
     "none any more, create it in the shop, or exclude the SKU from the shop in the "
     "contract (shops[].exclude)."},
    {"location_gone", "identity", "error",
     "Correct the location's id in the contract (shops[].locations), or take the location "
     "out there, and restart push." THEN_SYNC},
    {"not_stocked", "not_stocked", "error",
     "Stock the item at this location in the shop, or take the location out of the shop's "
     "list in the contract." THEN_SYNC},
    {"bundle", "rejected_write", "warning",
     "Exclude the SKU from this shop in the contract (shops[].exclude): the shop works a "
     "bundle's stock out from its parts, which are written."},
    {"too_high", "rejected_write", "error",
     "Correct the level at its source: with what is committed it passes 1,000,000,000, "
     "which is a mistaken unit more often than stock." THEN_SYNC},
    {"too_low", "rejected_write", "error",
     "Correct the level at its source, or count the shelf: it lies below what the shop "
     "can hold." THEN_SYNC},
    {"negative", "rejected_write", "error",
     "Count the shelf and correct the level at its source: more is owed there than the "
     "shop takes." THEN_SYNC},
    {"user_error", "rejected_write", "error",
     "Look at what the shop answered (log of push, message 'write') and at the item in its "
     "admin, and remove the cause." THEN_SYNC},
};

struct span push_fault_code(struct span fault)
{
    const struct span start = SPAN_OF(PUSH_QUARANTINED);
    if (fault.length < start.length ||
        memcmp(fault.bytes, start.bytes, start.length) != 0)
        return SPAN_OF("");
    return (struct span){fault.bytes + start.length, fault.length - start.length};
}

struct incident_finding push_finding(struct span code)
{
    const struct push_rule *rule = push_rule_by_code(PUSH_MATCH_USER_CODE, code);
    size_t at = 0;
    while (at + 1 < COUNT_OF(ROWS) && strcmp(ROWS[at].rule, rule->id) != 0)
        at++;
    return (struct incident_finding){.cause = ROWS[at].cause,
                                     .severity = ROWS[at].severity,
                                     .root_cause = rule->why,
                                     .remediation = ROWS[at].remediation};
}
