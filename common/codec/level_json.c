#include "common/codec/level_json.h"

#include "common/codec/json_text.h"

void level_json_key(const struct level_record *record, struct buf *out)
{
    buf_byte(out, '[');
    json_text(out, record->sku);
    buf_byte(out, ',');
    json_text(out, record->location);
    buf_byte(out, ']');
}

void level_json_value(const struct level_record *record, struct buf *out)
{
    const struct level *level = &record->level;
    buf_byte(out, '{');
    json_name(out, "sku");
    json_text(out, record->sku);
    json_name(out, "location");
    json_text(out, record->location);
    json_name(out, "quantity");
    json_number(out, level->quantity);
    json_name(out, "source");
    json_text(out, record->source);
    json_name(out, "occurred_at");
    json_time(out, level->occurred_at_us);
    json_name(out, "version");
    if (level->has_version)
        json_number(out, level->version);
    else
        buf_text(out, "null");
    json_name(out, "revision");
    json_number(out, record->revision);
    buf_byte(out, '}');
}
