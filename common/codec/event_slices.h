/*
 * The body of a post cut into events, without copying: one event, an array of them, or JSON
 * Lines. Only the cuts are made here: brackets and quotes are followed, nothing else is
 * judged. Where every slice is a JSON object and none is `stray`, the body is well formed as a
 * whole.
 *
 * Which of the three it is follows from the bytes, since clients send JSON Lines under many
 * types; one that asks for lines gets lines. Source: outside interface, section 5.
 */
#ifndef PARSTOCK_CODEC_EVENT_SLICES_H
#define PARSTOCK_CODEC_EVENT_SLICES_H

#include "common/base/span.h"

enum slices_form { SLICES_ONE, SLICES_ARRAY, SLICES_LINES };

struct event_slices {
    enum slices_form form;
    struct span rest;
    size_t line; /* of the last slice */
    bool ended;
};

struct event_slice {
    struct span value;
    size_t line; /* from 1: the place in the array, or the line of JSON Lines */
    bool
        stray; /* what does not belong into an array: behind its end, or for want of one */
};

void event_slices_begin(struct event_slices *slices, struct span body, bool as_lines);

/* False: there are no more. Blank lines are passed over, but counted. */
bool event_slices_next(struct event_slices *slices, struct event_slice *slice_out);

#endif
