/*
 * A row of the ledger as a line of a page: columns parted by tabs, U+0001 for null, no line
 * feed after the last line. Texts of an event hold no control characters (they would have
 * been refused as bad_text), so nothing needs escaping. View `idempotency` of
 * schemas/postgres reads the lines back by the columns' order.
 *
 *     offset, recorded_at (ms), occurred_at (us), quantity, before, after, outcome, rule,
 *     type, source, sku, location, version, sees_orders_until (us), id, reference,
 *     traceparent
 */
#ifndef PARSTOCK_CODEC_LEDGER_LINE_H
#define PARSTOCK_CODEC_LEDGER_LINE_H

#include "common/base/buf.h"
#include "common/domain/event.h"

struct ledger_line {
    const struct event *event;
    int outcome;
    int rule;
    int64_t offset;
    int64_t recorded_at_ms;  /* below 0 = none: 0 is written */
    struct span traceparent; /* as received; kept if it is one */
    bool has_before;
    bool has_after;
    int64_t before;
    int64_t after;
};

/* Appends the line, after a line feed where the page has lines already. */
void ledger_line_add(struct buf *page, const struct ledger_line *line);

/* Is this a traceparent header's value (W3C Trace Context: 55 characters of version 00, or
 * longer for a later one), so that it may stand in text? */
bool ledger_line_is_traceparent(struct span text);

#endif
