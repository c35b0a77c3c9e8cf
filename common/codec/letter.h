/*
 * A dead letter: a record that apply has refused, as the topic dead-letters holds it. Key and
 * value are the bytes as received, and so are the headers up to the last
 * `__connect.errors.topic`; that header and those after it say where the record lay and what
 * was wrong with it.
 */
#ifndef PARSTOCK_CODEC_LETTER_H
#define PARSTOCK_CODEC_LETTER_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codec/event_json.h"

#define LETTER_RETRY_HEADER "parstock.retry-of"
#define LETTER_PLACE_MAX 320 /* topic/partition/offset with the NUL */

/* Spans point into the bytes that the letter was read from; absent: bytes == NULL. */
struct letter {
    int32_t partition; /* of the topic dead-letters */
    int64_t offset;
    int64_t timestamp_ms;
    struct span key;
    struct span value;
    struct span headers;  /* all, as common/codec/headers.h writes them */
    struct span received; /* those of them that the record came with */
    struct span reason;   /* the code */
    struct span message;  /* the code, the field at fault, the remedy */
    bool has_origin;      /* where the refused record lay */
    struct span topic;
    int64_t origin_partition;
    int64_t origin_offset;
    struct span retry_of; /* of a record that was a retry itself: its letter */
};

/* Fills everything that the headers tell; `headers` of the letter is set. False: they are not
 * those of a dead letter. */
bool letter_read(struct letter *letter);

/* What the received headers say of the event. */
void letter_cloud(const struct letter *letter, struct cloud_attributes *cloud_out);

/* "topic/partition/offset" of the letter itself. */
void letter_place(const char *topic, const struct letter *letter,
                  char room[LETTER_PLACE_MAX]);

/* Headers of a record that is the letter's again: as received, and which letter it was. */
void letter_retry_headers(const struct letter *letter, struct span place,
                          struct buf *out);

/*
 * One "field=value" put into a value that is a JSON object: a field of the event's own, in
 * `data` where the letter is a CloudEvent in structured mode. A number for quantity and
 * version, a text for the others; nothing behind the '=' takes the field away. STATUS_REJECT
 * (65, or 64 for an assignment that is none) says what is in the way.
 */
enum status letter_set(struct buf *value, bool is_structured, const char *assignment,
                       struct error *error);

#endif
