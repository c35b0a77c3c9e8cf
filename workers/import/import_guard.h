/*
 * What a feed would change, and whether a person is asked first. Rows are staged beside the
 * levels in Postgres while they are judged; the decision is common/domain/feed_guard.
 */
#ifndef PARSTOCK_WORKERS_IMPORT_GUARD_H
#define PARSTOCK_WORKERS_IMPORT_GUARD_H

#include "common/io/store_imports.h"
#include "common/runtime/config.h"
#include "workers/import/import_report.h"

#define GUARD_CHANGES_MAX 10000 /* that are named */
#define GUARD_TABLE_MAX 20      /* of these, for people */

struct import_guard {
    struct postgres *postgres;
    const struct contract *contract;
    struct import_stage stage;
    struct feed_effect effect;
    enum feed_guard fired;
};

enum status guard_begin(struct import_guard *guard, struct error *error);
enum status guard_add(struct import_guard *guard, const struct event *event,
                      struct error *error);

/* After the last row: fills effect and fired. */
enum status guard_judge(struct import_guard *guard, struct error *error);

/* What would change, as notes of the report. */
enum status guard_tell_changes(struct import_guard *guard, struct import_report *report,
                               struct error *error);

/* Levels that a complete feed does not name: notes of the report; none is touched. */
enum status guard_tell_missing(struct import_guard *guard, struct import_report *report,
                               struct error *error);
void guard_end(struct import_guard *guard);

/* Which feed: the problem that an incident is about. */
struct guard_feed {
    struct span name;
    const struct import_file *files;
    size_t file_count;
};

/* Opens the feed's incident or counts another sighting, and tells subscribers. */
enum status guard_raise(struct import_guard *guard, const struct config *config,
                        const struct guard_feed *feed, struct error *error);

/* Ends it, if there is one. */
enum status guard_resolve(struct import_guard *guard, const struct config *config,
                          const struct guard_feed *feed, const char *reason,
                          struct error *error);

#endif
