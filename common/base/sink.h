/*
 * Where bytes go that are made piece by piece. A sink that cannot take them keeps what is in
 * the way to itself, lets what follows pass, and says so when it is asked at its end.
 */
#ifndef PARSTOCK_BASE_SINK_H
#define PARSTOCK_BASE_SINK_H

#include "common/base/span.h"

struct sink {
    void (*take)(void *self, struct span bytes);
    void *self;
};

static inline void sink_take(const struct sink *sink, struct span bytes)
{
    if (bytes.length > 0)
        sink->take(sink->self, bytes);
}

#endif
