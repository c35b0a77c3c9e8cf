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
    json_member_text(out, "sku", record->sku);
    json_member_text(out, "location", record->location);
    json_member_number(out, "quantity", level->quantity);
    json_member_text(out, "source", record->source);
    json_member_time(out, "occurred_at", level->occurred_at_us);
    json_member_number_or_null(out, "version", level->has_version, level->version);
    json_member_number(out, "revision", record->revision);
    buf_byte(out, '}');
}
