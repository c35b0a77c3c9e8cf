/*
 * An archive read line by line, as 'replay export' writes it.
 */
#ifndef PARSTOCK_WORKERS_REPLAY_FILE_H
#define PARSTOCK_WORKERS_REPLAY_FILE_H

#include "common/codec/digest.h"
#include "common/codec/record_json.h"

struct archive_file {
    int64_t records;
    char digest[2 * DIGEST_BYTES + 1]; /* of its bytes */
};

/* `each` gets one record after the other with its number from 0; anything but STATUS_OK
 * stops and is returned. */
struct archive_visitor {
    enum status (*each)(void *self, const struct archived_record *record, int64_t number,
                        struct error *error);
    void *self;
};

/* STATUS_REJECT (65) names the first line that is no record. `file_out` may be NULL. */
enum status archive_read(const char *path, const struct archive_visitor *visitor,
                         struct archive_file *file_out, struct error *error);

#endif
