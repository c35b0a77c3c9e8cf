#include "common/domain/finding.h"

#include "common/domain/risk.h"

struct policy_facts finding_facts(const struct contract *contract,
                                  const struct finding *finding,
                                  const struct finding_beside *beside)
{
    const struct risk_input input = {.sku = finding->sku,
                                     .tags = beside->tags,
                                     .has_price = beside->has_price,
                                     .price_micros = beside->price_micros,
                                     .units = finding->residual};
    return (struct policy_facts){.cause = finding->cause,
                                 .is_high_risk = finding->is_high_risk ||
                                                 risk_of(&contract->risk, &input).high,
                                 .shop = finding->shop,
                                 .location = finding->location,
                                 .sku = finding->sku,
                                 .tags = beside->tags,
                                 .has_desired = finding->has_desired,
                                 .has_shown = finding->has_shown,
                                 .desired = finding->desired,
                                 .residual = finding->residual,
                                 .has_value = finding->has_value,
                                 .value_micros = finding->value_micros,
                                 .drifted_lately = beside->drifted_lately};
}

bool finding_zeroes(const struct finding *finding)
{
    return finding->has_desired && finding->desired <= 0 && finding->has_shown &&
           finding->shown > 0;
}
