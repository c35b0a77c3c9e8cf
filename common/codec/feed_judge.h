/*
 * Rows of a feed to stock changes: cells by the mapping to the fields of an event, judged as
 * any event is, with an id where the row has none. Sources: outside interface, sections 1
 * and 4.
 */
#ifndef PARSTOCK_CODEC_FEED_JUDGE_H
#define PARSTOCK_CODEC_FEED_JUDGE_H

#include "common/base/buf.h"
#include "common/codec/feed_mapping.h"
#include "common/domain/contract.h"
#include "common/domain/event.h"
#include "common/domain/feed_reason.h"

#define FEED_DETAIL_MAX 160
#define FEED_ID_MAX 40

struct feed_options {
    const struct contract *contract;
    const struct feed_mapping *mapping;
    struct span feed;     /* the feed's name, part of the ids that rows are given */
    int64_t file_time_us; /* when the file was last written */
    int64_t now_us;       /* nothing may have happened later than this (by 5 minutes) */
};

/* A good row. Valid until the next row is judged. */
struct feed_event {
    struct event event; /* event.id is never absent; `given_id`: it is the row's own */
    bool given_id;
    struct span value; /* the record's value, if it was asked for */
};

struct feed_judge; /* one a file; about 2 MiB */

struct feed_judge *feed_judge_new(const struct feed_options *options); /* NULL: memory */
void feed_judge_free(struct feed_judge **slot);

/*
 * The header of a CSV file: which column each field comes from. Without a header (by the
 * mapping) it is told the number of columns alone. Called before the rows.
 */
enum feed_reason feed_judge_header(struct feed_judge *judge,
                                   const struct csv_record *header,
                                   char detail[FEED_DETAIL_MAX]);

struct feed_row {
    int64_t number;                  /* of the row in its file, from 1 */
    const struct csv_record *record; /* of a CSV file, or NULL and: */
    struct span line;                /* of a JSON Lines file */
    bool wants_value;
};

/* FEED_REASON_NONE and *event_out, or the first reason that fits; `detail` names the field
 * or says more. */
enum feed_reason feed_judge_row(struct feed_judge *judge, const struct feed_row *row,
                                struct feed_event *event_out,
                                char detail[FEED_DETAIL_MAX]);

/* The required field that no column and no constant gives; NULL = each has one. Rows are
 * refused for it one by one; this says so at once. */
const char *feed_judge_lacks(const struct feed_judge *judge);

#endif
