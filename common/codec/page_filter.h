/*
 * Which SKUs a page of the ledger may hold: "certainly not" or "maybe" (about one in three
 * hundred that it does not hold), in 12 bits a row. Stored beside the page and asked by SQL
 * (schemas/postgres, ledger_of_sku): bit `n` of the filter is bit n % 8, the lowest first, of
 * byte n / 8; a SKU's four bits are its probes modulo the number of bits. The layout is fixed.
 *
 * Not common/base/filter.h: that one is for keys that are random already, and its blocks
 * can't be asked for by SQL.
 */
#ifndef PARSTOCK_CODEC_PAGE_FILTER_H
#define PARSTOCK_CODEC_PAGE_FILTER_H

#include "common/base/span.h"

#define PAGE_FILTER_PROBES 4
#define PAGE_FILTER_ROWS_MIN 8 /* of fewer rows the lines are as quickly read */

/* Each from 0 to 2^32 - 1. */
struct page_probes {
    int64_t at[PAGE_FILTER_PROBES];
};

struct page_probes page_filter_probes(struct span sku);

/* murmur2 without the sign bit: modulo the topic's partitions it is the SKU's. */
int64_t page_filter_hash(struct span sku);

/* Bytes of the filter of a page of so many rows. */
size_t page_filter_size(size_t row_count);

/* `bytes` starts as zeroes; `size` as page_filter_size gave it. */
void page_filter_add(unsigned char *bytes, size_t size, struct span sku);
bool page_filter_may_have(const unsigned char *bytes, size_t size, struct span sku);

#endif
