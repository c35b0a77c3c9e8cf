#include "common/base/scope.h"
#include "common/codec/digest.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "workers/audit/audit.h"

#include <inttypes.h>
#include <stdio.h>

struct counting {
    struct audit *audit;
    struct digest *digest;
};

static enum status count_level(void *self, const struct audit_level *level,
                               struct error *error)
{
    struct counting *counting = self;
    (void)error;
    counting->audit->levels++;
    digest_add_text(counting->digest, level->sku);
    digest_add_text(counting->digest, level->location);
    digest_add_number(counting->digest, level->quantity);
    return STATUS_OK;
}

static enum status count_levels(struct audit *audit, struct postgres *postgres,
                                struct error *error)
{
    SCOPED(digest_free) struct digest *digest = digest_new();
    struct counting counting = {.audit = audit, .digest = digest};
    const struct audit_level_visitor visitor = {.each = count_level, .self = &counting};
    if (digest == NULL)
        return error_set(error, STATUS_FATAL, "audit: out of memory");
    digest_begin(digest);
    enum status status = store_audit_levels_at(postgres, audit->at_us, &visitor, error);
    if (status == STATUS_OK)
        digest_end_hex(digest, DIGEST_BYTES, audit->digest);
    return status;
}

static enum status note_offender(void *self, struct span offender, struct error *error)
{
    return audit_offender(self, offender, error);
}

enum status audit_at(struct audit *audit, struct postgres *postgres, struct error *error)
{
    const struct audit_check *check = NULL;
    for (size_t at = 0; (check = store_audit_check_at(at)) != NULL; at++) {
        const struct offender_visitor visitor = {.max = audit->most,
                                                 .has_at = true,
                                                 .at_us = audit->at_us,
                                                 .each = note_offender,
                                                 .self = audit};
        audit->check = check->id;
        audit->found = 0;
        enum status status = store_audit_run(postgres, check, &visitor, error);
        if (status != STATUS_OK)
            return status;
        audit_print_check(audit, check->id, check->promise);
    }
    return count_levels(audit, postgres, error);
}

void audit_at_print(const struct audit *audit)
{
    char moment[RFC3339_TEXT_MAX];
    rfc3339_format(audit->at_us, moment);
    if (audit->output == OUTPUT_TABLE) {
        printf("\n%" PRId64 " levels at %s, digest %s\n", audit->levels, moment,
               audit->digest);
        if (audit->violations == 0)
            puts("audit: the ledger folds to them");
        else
            printf("audit: %zu violations\n", audit->violations);
        return;
    }
    printf("{\"ok\": %s, \"at\": \"%s\", \"levels\": %" PRId64
           ", \"digest\": \"%s\", \"violations\": [%s]}\n",
           audit->violations == 0 ? "true" : "false", moment, audit->levels,
           audit->digest, audit->list.bytes != NULL ? audit->list.bytes : "");
}
