#include "workers/topics/topics_report.h"

#include "common/base/scope.h"
#include "common/codec/json_text.h"

#include <inttypes.h>
#include <stdio.h>

#define OUTPUT_MAX ((size_t)64 * 1024)

struct line {
    const struct kafka_topic *found;
    const char *state; /* "created", "exists", "missing" */
    struct topic_difference differences[TOPIC_DIFFERENCES_MAX];
    size_t count;
};

static struct line line_of(const struct topic_table *table,
                           const struct topics_report *report, size_t index)
{
    struct line line = {.found = &report->found[index], .state = "exists"};
    line.count = topic_compare(table, index, line.found, line.differences);
    if (line.found->partitions == 0)
        line.state = "missing";
    else if (report->created[index])
        line.state = "created";
    return line;
}

static void line_text(const struct line *line, struct buf *out)
{
    buf_format(out, "%-8s %s", line->state, line->found->name);
    if (line->found->partitions > 0)
        buf_format(out, "  partitions %" PRId32 ", replicas %" PRId32,
                   line->found->partitions, line->found->replicas);
    for (size_t i = 0; line->found->partitions > 0 && i < line->count; i++)
        buf_format(out, "\n         differs: %s is %s, declared is %s",
                   line->differences[i].what, line->differences[i].found,
                   line->differences[i].declared);
    buf_byte(out, '\n');
}

static void difference_json(const struct topic_difference *difference, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "what", span_from(difference->what));
    json_member_text(out, "declared", span_from(difference->declared));
    json_member_text(out, "found", span_from(difference->found));
    buf_byte(out, '}');
}

static void line_json(const struct line *line, struct buf *out)
{
    const char *policy = line->found->cleanup_policy;
    buf_byte(out, '{');
    json_member_text(out, "topic", span_from(line->found->name));
    json_member_text(out, "state", span_from(line->state));
    json_member_number(out, "partitions", line->found->partitions);
    json_member_number(out, "replicas", line->found->replicas);
    json_member_text(out, "cleanup_policy", span_from(policy[0] != '\0' ? policy : NULL));
    json_name(out, "differences");
    buf_byte(out, '[');
    for (size_t i = 0; i < line->count; i++) {
        if (i > 0)
            buf_byte(out, ',');
        difference_json(&line->differences[i], out);
    }
    buf_text(out, "]}");
}

static void json_begin(struct buf *out, bool same, const char *note)
{
    buf_byte(out, '{');
    json_name(out, "ok");
    buf_text(out, same ? "true" : "false");
    if (note[0] != '\0') {
        json_member_text(out, "note", span_from(note));
    }
    json_name(out, "topics");
    buf_byte(out, '[');
}

static void print_json(const struct line *lines, bool same, const char *note,
                       struct buf *out)
{
    json_begin(out, same, note);
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        if (i > 0)
            buf_byte(out, ',');
        line_json(&lines[i], out);
    }
    buf_text(out, "]}\n");
}

static void print_jsonl(const struct line *lines, struct buf *out)
{
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        line_json(&lines[i], out);
        buf_byte(out, '\n');
    }
}

static void print_text(const struct line *lines, const char *note, struct buf *out)
{
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        line_text(&lines[i], out);
    if (note[0] != '\0')
        buf_format(out, "note: %s\n", note);
}

bool topics_report_print(const struct topic_table *table,
                         const struct topics_report *report, enum output output)
{
    bool same = true;
    struct line lines[TOPIC_COUNT];
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        lines[i] = line_of(table, report, i);
        same = same && lines[i].count == 0;
    }
    SCOPED(buf_free) struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (output == OUTPUT_JSON)
        print_json(lines, same, report->note, &out);
    else if (output == OUTPUT_JSONL)
        print_jsonl(lines, &out);
    else
        print_text(lines, report->note, &out);
    fwrite(out.bytes, 1, out.length, stdout);
    return same;
}
