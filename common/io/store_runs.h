/*
 * The SQL of `ledger_runs`: the keys of the ledger's pages, sorted, by partition. Only the partition's
 * owner reads and writes them, within a transaction that holds the partition's fence or
 * right after taking it.
 *
 *     store_runs_agree     all owners of the topic go by this partition count from now on
 *     store_runs_load      what there is: pages without a run, then runs; newest first
 *     store_runs_keys      a whole run
 *     store_runs_replace   a sorted run takes the place of others (own transaction, fenced)
 */
#ifndef PARSTOCK_IO_STORE_RUNS_H
#define PARSTOCK_IO_STORE_RUNS_H

#include "common/io/store_apply.h"

enum status store_runs_agree(struct postgres *postgres, struct span topic,
                             int32_t partitions, struct error *error);

struct run_row {
    int64_t id;
    bool is_page; /* the keys of a page that no run covers, unsorted, in `keys` */
    int64_t first_offset;
    int64_t next_offset;
    int64_t newest_at_us;
    size_t entries;
    struct span guide;
    struct span filter;
    struct span keys; /* of a page only */
};

struct run_visitor {
    enum status (*each)(void *self, const struct run_row *row, struct error *error);
    void *self;
};

/* Whose: a partition's own, or those of every other topic and count. */
struct run_scope {
    struct span topic;
    int32_t partition; /* -1: those of every other topic and partition count */
    int32_t partitions;
};
enum status store_runs_load(struct postgres *postgres, const struct run_scope *scope,
                            const struct run_visitor *visitor, struct error *error);

/* All entries of one run; rows->count 0: it is gone (retention). Caller releases. */
enum status store_runs_keys(struct postgres *postgres, int64_t id, struct rows *rows,
                            struct error *error);

struct run_replace {
    struct span topic;
    int32_t partitions;
    struct fence fence;
    struct run_row run;    /* id is not set; keys are */
    const int64_t *merged; /* ids of the runs that it stands for */
    size_t merged_count;   /* 0: it stands for pages */
};

/* *fenced_out: another owner has the partition, nothing was changed. */
enum status store_runs_replace(struct postgres *postgres,
                               const struct run_replace *replace, int64_t *id_out,
                               bool *fenced_out, struct error *error);

#endif
