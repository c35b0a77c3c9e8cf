#include "workers/audit/audit.h"

struct sealing {
    struct audit *audit;
    size_t found[2];
};

static const char *const IDS[2] = {"seal_pages", "seal_chain"};
static const char *const PROMISES[2] = {
    "the pages of sealed days are those that were sealed",
    "every seal is what its days and the seal before it add up to"};

static enum status note_offender(void *self, bool is_chain, struct span offender,
                                 struct error *error)
{
    struct sealing *sealing = self;
    sealing->audit->check = IDS[is_chain];
    sealing->found[is_chain]++;
    return audit_offender(sealing->audit, offender, error);
}

enum status audit_seals(struct audit *audit, struct postgres *postgres,
                        struct error *error)
{
    struct sealing sealing = {.audit = audit};
    const struct seal_visitor visitor = {
        .max = audit->most, .each = note_offender, .self = &sealing};
    enum status status = store_seal_check(postgres, &visitor, &audit->seals, error);
    for (int chain = 1; chain >= 0 && status == STATUS_OK; chain--) {
        audit->found = sealing.found[chain];
        audit_print_check(audit, IDS[chain], PROMISES[chain]);
    }
    return status;
}
