/*
 * The lines of a shop's bulk export to the staging tables of a connection
 * (common/io/store_catalog.h). Memory is bounded: one line, and batches of
 * CATALOG_BATCH_MAX rows or a few MiB.
 */
#ifndef PARSTOCK_RUNTIME_EXPORT_STAGE_H
#define PARSTOCK_RUNTIME_EXPORT_STAGE_H

#include "common/io/store_catalog.h"

struct export_stage;

/* The staging tables are there (store_catalog_begin). */
enum status export_stage_open(struct postgres *postgres, unsigned sku_steps,
                              struct export_stage **out, struct error *error);
void export_stage_close(struct export_stage **slot);
/* A piece of the export, cut anywhere; false: export_stage_error says why. */
bool export_stage_take(void *stage, struct span piece);
/* The rest of the last line and the last batches. */
enum status export_stage_end(struct export_stage *stage, struct error *error);
const struct error *export_stage_error(const struct export_stage *stage);
int64_t export_stage_lines(const struct export_stage *stage);
/* Called after every batch; may be NULL. */
void export_stage_progress(struct export_stage *stage,
                           void (*each)(void *self, int64_t lines), void *self);

#endif
