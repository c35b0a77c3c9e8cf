/*
 * `kpi` of a contract file: what a week is held against, over the defaults.
 */
#ifndef PARSTOCK_CODEC_CONTRACT_KPI_H
#define PARSTOCK_CODEC_CONTRACT_KPI_H

#include "common/domain/kpi.h"

#include <jansson.h>

/* `kpi` has the shape of CONTRACT_SHAPE, or is NULL. */
struct kpi_limits contract_build_kpi(json_t *kpi);

#endif
