/*
 * One run of `import`: files read, judged, held against the guard, published. What each part
 * of it knows of the others.
 */
#ifndef PARSTOCK_WORKERS_IMPORT_H
#define PARSTOCK_WORKERS_IMPORT_H

#include "common/runtime/config.h"
#include "common/runtime/feed_publisher.h"
#include "workers/import/import_guard.h"
#include "workers/import/import_progress.h"
#include "workers/import/import_read.h"
#include "workers/import/import_rejects.h"
#include "workers/import/import_report.h"
#include "workers/import/import_resume.h"

struct import_flags {
    const char *mapping;
    const char *feed;
    const char *rejects;
    const char *confirm;
    const char *watch;
    int64_t settle_seconds;
    bool all_or_nothing;
    bool snapshot;
    bool dry_run;
};

struct import_run {
    const struct config *config;
    const struct import_flags *flags;
    struct import_context context;
    const struct import_file *files;
    struct import_state *states; /* one a file */
    size_t file_count;
    struct import_report report;
    struct import_rejects rejects;
    struct import_progress progress;
    struct import_guard guard;        /* guard.postgres NULL: there is no database */
    struct feed_publisher *publisher; /* NULL: nothing is published */

    /* of the pass that is under way */
    bool judges;          /* it counts and reports */
    bool stages;          /* it stages the rows for the guard */
    bool publishes;       /* it publishes */
    size_t at;            /* which file */
    int64_t bytes_before; /* of the files before it */
    int64_t good;         /* rows of all files so far */

    /* of publishing */
    int64_t mark_base;  /* marks of this file are this and the number of a row */
    int64_t row;        /* handed over last; 0 = none */
    int64_t marked;     /* row of the newest mark */
    int64_t skipped;    /* rows that an earlier run has published */
    int64_t next_us;    /* when to remember next how far it is */
    struct buf headers; /* of every record of the file */
    bool is_stopped;    /* by a signal */
};

/* Finds the files, names their feeds, runs. */
enum status import_files(struct import_run *run, const char *const *paths, size_t count,
                         struct error *error);

/* Imports what is dropped into the directory until the process is asked to end. `run` is
 * what each file's run begins as. */
enum status import_watch(const struct import_run *run, struct error *error);

/* Reads, judges and publishes as the flags say; the report is filled also where it fails. */
enum status import_run(struct import_run *run, struct error *error);

/* The exit code of a run that did not fail. */
int import_exit_code(const struct import_run *run);

/* One pass over all files. */
enum status import_pass(struct import_run *run, const char *doing, struct error *error);

/* Publishes the files, one after the other; a pass of its own, which judges too where
 * run->judges says so. */
enum status import_publish(struct import_run *run, struct error *error);

/* A good row of the publishing pass. And between rows: how far is it? */
enum status import_publish_row(struct import_run *run, const struct feed_event *event,
                               int64_t row, struct error *error);
enum status import_publish_pause(struct import_run *run, struct error *error);

/* Before the first row of a file. */
void import_publish_begin(struct import_run *run);

/* A file is read to its end, or anew from its beginning. */
enum status import_publish_file(struct import_run *run, struct error *error);

#endif
