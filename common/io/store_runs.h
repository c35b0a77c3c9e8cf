/*
 * The SQL of `ledger_runs`: the keys of judged events, by partition. Only the partition's
 * owner reads and writes them, within a transaction that holds the partition's fence or
 * right after taking it.
 *
 *     store_runs_agree     all owners of the topic go by this partition count from now on
 *     store_runs_load      what there is: sorted runs with filter and guide, fresh keys
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
    int32_t level; /* 0: the keys of a batch, unsorted, in `keys`; 1: sorted */
    int64_t first_offset;
    int64_t next_offset;
    int64_t newest_at_us;
    size_t entries;
    struct span guide;
    struct span filter;
    struct span keys; /* of level 0 only */
};

struct run_visitor {
    enum status (*each)(void *self, const struct run_row *row, struct error *error);
    void *self;
};

/* Whose runs: a partition's own, newest first; or those of every other topic and count. */
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
    struct run_row run;    /* level 1; id is not set; keys are */
    const int64_t *merged; /* ids of the runs of level 1 that it stands for */
    size_t merged_count;   /* 0: it stands for those of level 0 below next_offset */
};

/* *fenced_out: another owner has the partition, nothing was changed. */
enum status store_runs_replace(struct postgres *postgres,
                               const struct run_replace *replace, int64_t *id_out,
                               bool *fenced_out, struct error *error);

#endif
