/*
 * What lies in a packet: every file but this one with its size and SHA-256, and what the
 * packet says in short. One canonical form: nothing in it can be changed without being seen,
 * since all of it follows from the files. Shape: schemas/packet-manifest.v1.schema.json.
 */
#ifndef PARSTOCK_CODEC_PACKET_MANIFEST_H
#define PARSTOCK_CODEC_PACKET_MANIFEST_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/pool.h"

/* Which files a packet has, and what is in its data. */
#define PACKET_FORMAT 1

#define PACKET_FILES_MAX 256
#define PACKET_NAME_MAX 64

struct packet_file {
    struct span name;
    int64_t bytes;
    struct span sha256; /* hex */
};

struct packet_manifest {
    int64_t format;
    struct span drawing;  /* names how page and tables are drawn from the data; hex */
    struct span week;     /* "2026-W48" */
    int64_t as_of_us;     /* what happened up to here is in it */
    struct span verdict;  /* bytes NULL = not decided */
    struct span rule;     /* bytes NULL = not decided */
    struct span inputs;   /* digest of the week's canonical inputs */
    struct span decision; /* digest of the canonical decision; bytes NULL = not decided */
    struct span contract; /* digest of the contract file */
    const struct packet_file *files; /* sorted by name */
    size_t file_count;
};

void packet_manifest_encode(const struct packet_manifest *manifest, struct buf *out);

/* Texts and files in the pool. STATUS_REJECT: it is none, and the text says where and why. */
enum status packet_manifest_decode(struct span text, struct pool *pool,
                                   struct packet_manifest *out, struct error *error);

#endif
