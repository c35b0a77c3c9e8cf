#include "common/runtime/seal_job.h"

#define SEALS_MAX 1000 /* a call: nineteen years */

static enum status seal_all(struct postgres *postgres, const struct seal_leaving *leaving,
                            int64_t *made_out, struct error *error)
{
    for (int made = 0; made < SEALS_MAX; made++) {
        struct seal_question question;
        struct seal_span span;
        enum status status = store_seal_find(postgres, &question, error);
        if (status != STATUS_OK)
            return status;
        question.has_leaving = leaving->has_day;
        question.leaving_day = leaving->day;
        if (!seal_next(&question, &span))
            return STATUS_OK;
        status = store_seal_make(postgres, &span, error);
        if (status != STATUS_OK)
            return status;
        *made_out += 1;
    }
    return STATUS_OK;
}

enum status seal_due(struct postgres *postgres, const struct seal_leaving *leaving,
                     int64_t *made_out, struct error *error)
{
    struct error ignored;
    *made_out = 0;
    enum status status = store_seal_lock(postgres, error);
    if (status != STATUS_OK)
        return status;
    status = seal_all(postgres, leaving, made_out, error);
    if (status != STATUS_OK) {
        if (postgres_alive(postgres))
            (void)store_seal_unlock(postgres, &ignored);
        return status;
    }
    return store_seal_unlock(postgres, error);
}
