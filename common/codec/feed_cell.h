/*
 * One cell of a feed: what it means by its field's map, and numbers as other systems write
 * them.
 */
#ifndef PARSTOCK_CODEC_FEED_CELL_H
#define PARSTOCK_CODEC_FEED_CELL_H

#include "common/codec/feed_mapping.h"

/* Order of struct feed_value by `value`, for qsort and bsearch. */
int feed_value_compare(const void *left, const void *right);

/* What a cell means by the field's map. False: it is not in it, and others are refused. */
bool feed_value_of(const struct feed_field *field, struct span cell,
                   struct span *means_out);

/*
 * The number as JSON writes an integer, in `room`; false where it is not written as the
 * field says (what no format is given for is passed on as it is: true).
 */
#define FEED_NUMBER_MAX 64
bool feed_number_read(const struct feed_number *number, struct span cell,
                      char room[FEED_NUMBER_MAX], struct span *integer_out);

/* Is the text an integer as JSON writes it? */
bool feed_is_integer(struct span text);

#endif
