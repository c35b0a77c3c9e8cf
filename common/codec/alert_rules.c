#include "common/codec/alert_rules.h"

static bool is_space(char sign)
{
    return sign == ' ' || sign == '\t' || sign == '-' || sign == '"' || sign == '\'' ||
           sign == '\r';
}

static struct span trim(struct span text)
{
    while (text.length > 0 && is_space(text.bytes[0]))
        text = (struct span){text.bytes + 1, text.length - 1};
    while (text.length > 0 && is_space(text.bytes[text.length - 1]))
        text.length--;
    return text;
}

/* "name: value" of the wanted name. */
static bool take(struct span line, struct span name, struct span *value_out)
{
    struct span text = trim(line);
    if (text.length <= name.length || memcmp(text.bytes, name.bytes, name.length) != 0)
        return false;
    *value_out = trim((struct span){text.bytes + name.length, text.length - name.length});
    return value_out->length > 0;
}

/* The path within an address: what stands in front of it is the chart's business. */
static struct span page_in(struct span address)
{
    static const struct span FOLDER = {"docs/", 5};
    for (size_t at = 0; at + FOLDER.length <= address.length; at++)
        if (memcmp(address.bytes + at, FOLDER.bytes, FOLDER.length) == 0)
            return (struct span){address.bytes + at, address.length - at};
    return (struct span){"", 0};
}

static void end_rule(const struct alert_rules_visitor *visitor,
                     const struct alert_rule *rule)
{
    bool is_template = rule->name.length > 0 && rule->name.bytes[0] == '{';
    if (rule->name.length > 0 && !is_template)
        visitor->each(visitor->self, rule);
}

void alert_rules_read(struct span text, const struct alert_rules_visitor *visitor)
{
    struct alert_rule rule = {.name = {"", 0}, .page = {"", 0}};
    struct span value;
    for (size_t at = 0; at < text.length;) {
        size_t end = at;
        while (end < text.length && text.bytes[end] != '\n')
            end++;
        struct span line = {text.bytes + at, end - at};
        at = end + 1;
        if (take(line, SPAN_OF("alert:"), &value)) {
            end_rule(visitor, &rule);
            rule = (struct alert_rule){.name = value, .page = {"", 0}};
        } else if (take(line, SPAN_OF("runbook_url:"), &value)) {
            rule.page = page_in(value);
            rule.is_file = false;
        } else if (take(line, SPAN_OF("runbook:"), &value)) {
            rule.page = value;
            rule.is_file = true;
        }
    }
    end_rule(visitor, &rule);
}
