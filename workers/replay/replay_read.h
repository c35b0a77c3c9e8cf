/*
 * A stretch of a partition, record after record.
 */
#ifndef PARSTOCK_WORKERS_REPLAY_READ_H
#define PARSTOCK_WORKERS_REPLAY_READ_H

#include "common/codec/record_json.h"
#include "workers/replay/replay.h"

struct replay_stretch {
    int32_t partition;
    int64_t from;
    int64_t until;
};

struct replay_reader {
    /* The record is valid during the call. */
    enum status (*each)(void *self, const struct archived_record *record,
                        struct error *error);
    enum status (*idle)(void *self, struct error *error); /* nothing came; may be NULL */
    void *self;
};

/* STATUS_OK: every record below `until` was visited. STATUS_RETRY: asked to end (75), or the
 * broker sends nothing (69). */
enum status replay_read(struct replay *replay, const struct replay_stretch *stretch,
                        const struct replay_reader *reader, struct error *error);

#endif
