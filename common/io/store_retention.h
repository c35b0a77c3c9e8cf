/*
 * Partitions of the ledger: what there is, and one step of a plan (common/domain/retention)
 * at a time. Writers are never waited for long: a step waits 200 ms for its locks, gives
 * them up, lets writers go on, and tries again up to 10 times; then it is STATUS_RETRY with
 * code 55P03, nothing was changed, and the connection is good.
 */
#ifndef PARSTOCK_IO_STORE_RETENTION_H
#define PARSTOCK_IO_STORE_RETENTION_H

#include "common/domain/retention.h"
#include "common/io/postgres.h"

/* One retention of a schema at a time: false, and nothing happens, while another connection
 * has it. Kept until it is let go of, or the server sees that the connection is closed, which
 * may be some time after the process is gone. Clears up what a killed one left. */
enum status store_retention_begin(struct postgres *postgres, bool *mine_out,
                                  struct error *error);
enum status store_retention_let_go(struct postgres *postgres, struct error *error);

/* Fills all but keep_days. Reads the default partition, which should be empty. */
enum status store_retention_find(struct postgres *postgres, struct retention_found *found,
                                 struct error *error);

/* Not for RETENTION_DEFER. What is dropped is counted in ledger_retired. */
enum status store_retention_do(struct postgres *postgres,
                               const struct retention_step *step, struct error *error);

/* Removes the runs of keys whose rows have all gone: those of days before `first_day`. */
enum status store_retention_runs(struct postgres *postgres, int32_t first_day,
                                 int64_t *removed_out, struct error *error);

/* Rows of shop_units that no level depends on any more. */
enum status store_retention_units(struct postgres *postgres, int64_t keep_days,
                                  int64_t *removed_out, struct error *error);

/*
 * History: findings, actions, writes, closed incidents, undos .., each by its age. A kind has a
 * name for people. An incident's log goes only with its incident, and only where the
 * contract file says how long closed ones are kept.
 */
#define RETENTION_HISTORY_COUNT 16
const char *retention_history_name(size_t kind);
enum status store_retention_history(struct postgres *postgres,
                                    const struct retention_ages *ages,
                                    int64_t removed[RETENTION_HISTORY_COUNT],
                                    struct error *error);

/* After rows have left the default partition: gives their room back. */
enum status store_retention_end(struct postgres *postgres, struct error *error);

/* Makes what is missing for today and the days ahead, and nothing else; for a database
 * that nobody has prepared yet. */
enum status store_retention_prepare(struct postgres *postgres, int *made_out,
                                    struct error *error);

#endif
