/*
 * The digests of a seal of the ledger (table ledger_seals), all SHA-256 in lower-case hex.
 *
 *     page      by the database, over its columns (common/io/store_seal.c)
 *     stretch   its pages' digests in order of offsets, cut to 16 bytes; a stretch ends with
 *               the page that brings it to SEAL_STRETCH_ROWS rows
 *     part      day, topic, partition, pages, entries, and the lines of its stretches
 *     span      of each of its parts: day, topic, partition, pages, entries, digest
 *     seal      the seal before, first and last day, pages, entries, the span's digest
 *
 * Texts go in with their length before them, numbers as digest.h has them.
 */
#ifndef PARSTOCK_CODEC_SEAL_SUM_H
#define PARSTOCK_CODEC_SEAL_SUM_H

#include "common/base/buf.h"
#include "common/codec/digest.h"
#include "common/domain/seal.h"

#define SEAL_STRETCH_ROWS 1000
#define SEAL_STRETCH_BYTES 16
#define SEAL_HEX_MAX (2 * DIGEST_BYTES + 1)

/* A day's pages of a partition. */
struct seal_part {
    int32_t day;
    struct span topic;
    int32_t partition;
    int64_t pages;
    int64_t entries;
    struct span stretches; /* lines "next_offset digest", parted by line feeds */
    char digest[SEAL_HEX_MAX];
};

/* One page, in order of day, topic, partition and offset. */
struct seal_page {
    int32_t day;
    struct span topic;
    int32_t partition;
    int64_t next_offset;
    int64_t entries;
    struct span digest; /* DIGEST_BYTES bytes */
};

/* Adds pages up to parts. */
struct seal_sum {
    struct digest *digest;
    struct buf topic;
    struct buf stretches;
    struct seal_part part; /* that is being added up */
    int64_t stretch_rows;  /* 0: none is open */
    int64_t next_offset;
    bool is_open;
};

bool seal_sum_open(struct seal_sum *sum); /* false: out of memory */
void seal_sum_close(struct seal_sum *sum);

/* Does the page belong to another part than the one that is open? Then the caller ends
 * that one before it adds the page. */
bool seal_sum_is_next(const struct seal_sum *sum, const struct seal_page *page);
bool seal_sum_add(struct seal_sum *sum,
                  const struct seal_page *page); /* false: no memory */

/* The open part; false: there is none. Its texts are valid until the next page. */
bool seal_sum_end(struct seal_sum *sum, struct seal_part *part_out);

void seal_part_digest(struct digest *digest, const struct seal_part *part,
                      char hex_out[SEAL_HEX_MAX]);

/* A span's digest: begin, every part in order, end. */
void seal_span_add(struct digest *digest, const struct seal_part *part);

struct seal {
    struct seal_span span;
    int64_t pages;
    int64_t entries;
    struct span digest; /* of the span */
    struct span previous;
};
void seal_digest(struct digest *digest, const struct seal *seal,
                 char hex_out[SEAL_HEX_MAX]);

/* Where two lists of stretches part: the offsets that lie in the first line that differs.
 * False: they do not. */
bool seal_stretches_differ(struct span one, struct span other, int64_t *from_out,
                           int64_t *until_out);

#endif
