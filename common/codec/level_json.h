/*
 * The record of topic inventory.levels: key ["SKU","location"], value as in
 * schemas/topics/inventory.levels.v1.json.
 */
#ifndef PARSTOCK_CODEC_LEVEL_JSON_H
#define PARSTOCK_CODEC_LEVEL_JSON_H

#include "common/base/buf.h"
#include "common/domain/reading.h"

struct level_record {
    struct span sku;
    struct span location;
    struct span source;
    struct level level;
    int64_t revision;
};

void level_json_key(const struct level_record *record, struct buf *out);
void level_json_value(const struct level_record *record, struct buf *out);

#endif
