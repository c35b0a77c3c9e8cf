/*
 * One feed file from its first byte to its last: records, judged, to a visitor. The same file
 * gives the same rows in the same order however often it is read.
 */
#ifndef PARSTOCK_WORKERS_IMPORT_READ_H
#define PARSTOCK_WORKERS_IMPORT_READ_H

#include "common/base/error.h"
#include "common/codec/feed_judge.h"

struct import_file {
    const char *path;
    struct span feed;   /* the feed's name: by flag, mapping, or the file's own */
    int64_t size;       /* bytes, as found at the start */
    int64_t written_us; /* when it was last written */
};

/* A record that is refused. `row` is 0 where the whole file is. Texts are valid during the
 * call. */
struct import_fault {
    const struct import_file *file;
    int64_t line;
    int64_t row;
    enum feed_reason reason;
    const char *detail;
    struct span raw; /* as it stands in the file, in UTF-8 */
};

/* Anything but STATUS_OK stops the reading and is returned. */
struct import_visitor {
    enum status (*good)(void *self, const struct feed_event *event, int64_t row,
                        struct error *error);
    enum status (*bad)(void *self, const struct import_fault *fault, struct error *error);
    /* Between records, with the bytes read so far. */
    enum status (*pause)(void *self, int64_t bytes, struct error *error);
    void *self;
    bool wants_values;
};

struct import_context {
    const struct contract *contract;
    const struct feed_mapping *mapping;
    int64_t now_us;
};

/* Looks at the file; STATUS_REJECT (exit 65) where there is none or it is no file. */
enum status import_file_find(const char *path, struct import_file *file_out,
                             struct error *error);

enum status import_read(const struct import_context *context,
                        const struct import_file *file,
                        const struct import_visitor *visitor, struct error *error);

#endif
