#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/sku_unicode.h"
#include "common/domain/finding.h"
#include "common/io/store_findings.h"
#include "common/runtime/database.h"
#include "workers/policy/policy.h"

bool policy_is_asked(const struct policy_flags *flags)
{
    return flags->finding != NULL || flags->cause != NULL;
}

/* ---- by its id ------------------------------------------------------------------------ */

struct found {
    const struct contract *contract;
    struct pool *pool;
    struct policy_facts *facts;
    bool is_there;
};

static enum status keep(void *self, const struct finding *finding,
                        const struct finding_beside *beside, struct error *error)
{
    struct found *found = self;
    struct policy_facts facts = finding_facts(found->contract, finding, beside);
    struct span *const texts[] = {&facts.shop, &facts.location, &facts.sku, &facts.tags};
    for (size_t at = 0; at < COUNT_OF(texts); at++) {
        if (texts[at]->bytes == NULL)
            continue;
        *texts[at] = pool_span(found->pool, *texts[at]);
        if (texts[at]->bytes == NULL)
            return error_set(error, STATUS_FATAL, "out of memory");
    }
    *found->facts = facts;
    found->is_there = true;
    return STATUS_OK;
}

static enum status by_id(const struct config *config, const char *id, struct found *found,
                         struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(config, "parstock policy", 0);
    const struct finding_visitor visitor = {.each = keep, .self = found};
    if (config->postgres == NULL)
        return error_usage(error, "--finding needs --postgres");
    enum status status = postgres_open(&options, &postgres, error);
    if (status == STATUS_OK)
        status = store_finding(postgres, span_from(id), &visitor, error);
    if (status != STATUS_OK || found->is_there)
        return status;
    (void)error_set(error, STATUS_REJECT,
                    "no finding '%.100s'; 'parstock drift show' names them", id);
    return error_exit(error, EXIT_FOUND);
}

/* ---- from flags ----------------------------------------------------------------------- */

static enum status number(const char *text, const char *flag, bool *has_out,
                          int64_t *number_out, struct error *error)
{
    *has_out = text != NULL;
    *number_out = 0;
    if (text == NULL || span_to_int64(span_from(text), number_out))
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "--%s is no whole number", flag);
    return error_exit(error, EXIT_USAGE);
}

static enum status take_names(const struct policy_flags *flags,
                              const struct contract *contract, struct pool *pool,
                              struct finding *finding, struct error *error)
{
    int location = flags->location != NULL
                       ? contract_location(contract, span_from(flags->location))
                       : -1;
    if (!cause_parse(span_from(flags->cause), &finding->cause))
        return error_usage(error, "--cause is none of the causes; see docs/policy.md");
    if (flags->location != NULL && location < 0)
        return error_usage(error, "--location is none of the contract's");
    if (flags->shop != NULL && contract_shop(contract, span_from(flags->shop)) < 0)
        return error_usage(error, "--shop is none of the contract's");
    if (location >= 0)
        finding->location = contract->locations[location].code;
    finding->shop = span_from(flags->shop);
    if (flags->sku != NULL && sku_normalise(span_from(flags->sku), contract->sku_steps,
                                            pool, &finding->sku) != REASON_NONE)
        return error_usage(error, "--sku is no SKU");
    return STATUS_OK;
}

static enum status take_numbers(const struct policy_flags *flags, struct finding *finding,
                                struct error *error)
{
    enum status status = number(flags->desired, "desired", &finding->has_desired,
                                &finding->desired, error);
    if (status == STATUS_OK)
        status =
            number(flags->shown, "shown", &finding->has_shown, &finding->shown, error);
    if (status == STATUS_OK)
        status = number(flags->value, "value", &finding->has_value,
                        &finding->value_micros, error);
    if (status != STATUS_OK)
        return status;
    if (finding->value_micros < 0 || finding->value_micros > INT64_MAX / 1000000)
        return error_usage(error, "--value is out of range");
    finding->value_micros *= 1000000;
    if (__builtin_sub_overflow(finding->shown, finding->desired, &finding->residual))
        return error_usage(error, "--shown and --desired are out of range");
    return STATUS_OK;
}

static enum status from_flags(const struct policy_flags *flags, const struct found *found,
                              struct error *error)
{
    struct finding finding = {0};
    const struct finding_beside beside = {.tags = span_from(flags->tag),
                                          .drifted_lately = flags->drifted};
    enum status status = take_names(flags, found->contract, found->pool, &finding, error);
    if (status == STATUS_OK)
        status = take_numbers(flags, &finding, error);
    if (status != STATUS_OK)
        return status;
    if (flags->risk != NULL && strcmp(flags->risk, "low") != 0 &&
        strcmp(flags->risk, "high") != 0)
        return error_usage(error, "--risk is low or high");
    *found->facts = finding_facts(found->contract, &finding, &beside);
    if (finding.has_value && found->contract->risk.has_threshold &&
        finding.value_micros >= found->contract->risk.threshold_micros)
        found->facts->is_high_risk = true;
    if (flags->risk != NULL)
        found->facts->is_high_risk = strcmp(flags->risk, "high") == 0;
    return STATUS_OK;
}

enum status policy_given(const struct policy_asked *asked, struct policy_facts *facts_out,
                         struct error *error)
{
    const struct policy_flags *flags = asked->flags;
    struct found found = {
        .contract = asked->contract, .pool = asked->pool, .facts = facts_out};
    if (flags->finding != NULL && flags->cause != NULL)
        return error_usage(error, "give --finding or --cause, not both");
    return flags->finding != NULL ? by_id(asked->config, flags->finding, &found, error)
                                  : from_flags(flags, &found, error);
}
