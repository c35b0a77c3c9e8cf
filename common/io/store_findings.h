/*
 * Findings of drift as the tables have them, each with what is known of its pair beside it.
 */
#ifndef PARSTOCK_IO_STORE_FINDINGS_H
#define PARSTOCK_IO_STORE_FINDINGS_H

#include "common/domain/finding.h"
#include "common/io/postgres.h"

/* Texts are valid during the call that brings them. */
struct finding_visitor {
    enum status (*each)(void *self, const struct finding *finding,
                        const struct finding_beside *beside, struct error *error);
    void *self;
};

/* The finding with this id, if there is one. */
enum status store_finding(struct postgres *postgres, struct span id,
                          const struct finding_visitor *visitor, struct error *error);

/* All of a run; streamed, as a run may have as many as a shop has levels. */
enum status store_findings_of_run(struct postgres *postgres, int64_t run_id,
                                  const struct finding_visitor *visitor,
                                  struct error *error);

#endif
