/*
 * Keys of judged events as bytes, for table `ledger_runs`: an entry is the 16 bytes of the
 * key and the 8 of the fingerprint (network byte order). Sorted runs are searched in
 * slices: the guide holds the first 8 bytes of every 128th entry, so that one look at it
 * says which 128 entries can hold a key.
 */
#ifndef PARSTOCK_CODEC_KEY_RUN_H
#define PARSTOCK_CODEC_KEY_RUN_H

#include "common/base/buf.h"

#define KEY_RUN_KEY_BYTES 16
#define KEY_RUN_ENTRY_BYTES 24
#define KEY_RUN_STRIDE 128 /* entries between two of the guide's */
#define KEY_RUN_GUIDE_BYTES 8

struct key_entry {
    unsigned char key[KEY_RUN_KEY_BYTES];
    int64_t fingerprint;
};

void key_run_add(struct buf *run, const struct key_entry *entry);

/* How many entries the bytes hold; SIZE_MAX where they end within one. */
size_t key_run_count(struct span run);
struct key_entry key_run_entry(struct span run, size_t at);

/* Appends the entries, sorted by key, to `out`, which is to be empty. False: no memory. */
bool key_run_sort(struct span unsorted, struct buf *out);

/* Appends what the sorted runs hold, sorted, to `out`, which is to be empty. */
void key_run_merge(const struct span *runs, size_t count, struct buf *out);

/* Appends the guide of a sorted run. */
void key_run_guide(struct span run, struct buf *guide);

/* Where in a sorted run of so many entries the key can be. */
struct key_slice {
    size_t first; /* entry */
    size_t entries;
};
struct key_slice key_run_slice(struct span guide, size_t entries,
                               const unsigned char key[KEY_RUN_KEY_BYTES]);

/* Searches sorted entries; false: the key is not among them. */
bool key_run_find(struct span slice, const unsigned char key[KEY_RUN_KEY_BYTES],
                  int64_t *fingerprint_out);

#endif
