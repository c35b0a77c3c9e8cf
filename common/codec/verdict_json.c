#include "common/codec/verdict_json.h"

#include "common/base/check.h"

static const char *const UNITS[] = {[VERDICT_COUNT] = "count",
                                    [VERDICT_SHARE] = "share",
                                    [VERDICT_TIME] = "time",
                                    [VERDICT_DAYS] = "days"};

const char *verdict_json_unit(enum verdict_unit unit)
{
    ASSERT((size_t)unit < COUNT_OF(UNITS));
    return UNITS[unit];
}

static void look_members(const struct verdict_look *look, struct buf *out)
{
    const struct kpi_place *place = look->place;
    json_member_text(out, "why", span_from(look->rule->why));
    json_member_text(out, "shop", place != NULL ? place->shop : (struct span){0});
    json_member_text(out, "location", place != NULL ? place->location : (struct span){0});
    json_member_number(out, "value", look->value);
    json_member_number(out, "limit", look->limit);
    json_member_text(out, "unit", span_from(verdict_json_unit(look->rule->unit)));
}

static void member_handoff(const struct verdict_handoff *handoff, struct buf *out)
{
    json_name(out, "handoff");
    buf_byte(out, '{');
    json_member_text(out, "to", span_from(handoff->to));
    json_member_text(out, "leads", span_from(handoff->leads));
    json_member_number(out, "part", handoff->part);
    json_member_number(out, "whole", handoff->whole);
    json_member_text(out, "why", span_from(handoff->why));
    buf_byte(out, '}');
}

void verdict_json(const struct verdict *verdict, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "verdict", span_from(week_verdict_name(verdict->verdict)));
    json_member_text(out, "rule", span_from(verdict->look.rule->id));
    look_members(&verdict->look, out);
    member_handoff(&verdict->handoff, out);
    buf_byte(out, '}');
}

void verdict_json_rules(const struct week_inputs *inputs, struct buf *out)
{
    buf_byte(out, '[');
    for (size_t at = 0; at < verdict_rule_count(); at++) {
        struct verdict_look look = verdict_look(inputs, at);
        if (at > 0)
            buf_byte(out, ',');
        buf_byte(out, '{');
        json_member_text(out, "rule", span_from(look.rule->id));
        json_member_text(out, "verdict",
                         span_from(week_verdict_name(look.rule->verdict)));
        json_name(out, "holds");
        buf_text(out, look.holds ? "true" : "false");
        look_members(&look, out);
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}
