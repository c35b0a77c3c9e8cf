#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "common/io/store_migrate.h"
#include "workers/troubleshoot/troubleshoot.h"

#include <stdio.h>

#define TEXT_BYTES_MAX ((size_t)1 << 20)
#define WIDTH_MAX 44

/* ---- JSON ----------------------------------------------------------------------------------------- */

static void redacted_member(const struct trouble *trouble, const char *name,
                            struct span text, struct buf *out)
{
    SCOPED(buf_free) struct buf clean;
    if (text.bytes == NULL) {
        json_member_text(out, name, text);
        return;
    }
    buf_init(&clean, TEXT_BYTES_MAX);
    buf_text(&clean, "");
    redact_text(&trouble->redact, text, &clean);
    json_member_text_lossy(out, name, buf_view(&clean));
}

static void lines_member(const char *name, const char *lines, struct buf *out)
{
    json_name(out, name);
    buf_byte(out, '[');
    for (const char *at = lines; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        if (at != lines)
            buf_byte(out, ',');
        json_text(out, (struct span){at, length});
        at += length + (at[length] == '\n' ? 1 : 0);
    }
    buf_byte(out, ']');
}

static void suspects_json(const struct trouble *trouble, struct buf *out)
{
    json_name(out, "suspects");
    buf_byte(out, '[');
    for (size_t at = 0; at < trouble->suspects.count; at++) {
        const struct suspect *suspect = &trouble->suspects.all[at];
        if (at > 0)
            buf_byte(out, ',');
        buf_byte(out, '{');
        json_member_number(out, "rank", (int64_t)at + 1);
        json_member_text(out, "id", span_from(suspect->rule->id));
        json_member_number(out, "weight", suspect->weight);
        json_member_text(out, "why", span_from(suspect->rule->why));
        lines_member("next", suspect->rule->next, out);
        json_member_text(out, "runbook", span_from(suspect->rule->runbook));
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}

static void gaps_json(const struct trouble *trouble, struct buf *out)
{
    json_name(out, "gaps");
    buf_byte(out, '[');
    for (size_t at = 0; at < trouble->gap_count; at++) {
        if (at > 0)
            buf_byte(out, ',');
        buf_byte(out, '{');
        json_member_text(out, "part", span_from(trouble->gaps[at].part));
        redacted_member(trouble, "why", span_from(trouble->gaps[at].why), out);
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}

static void section_json(const struct trouble *trouble,
                         const struct trouble_section *section, struct buf *out)
{
    json_name(out, section->table->id);
    buf_byte(out, '[');
    for (const struct trouble_row *row = section->first; row != NULL; row = row->next) {
        if (row != section->first)
            buf_byte(out, ',');
        buf_byte(out, '{');
        for (size_t at = 0; at < section->column_count; at++)
            redacted_member(trouble, section->table->columns[at], row->cells[at], out);
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}

static void time_member(const char *name, int64_t us, struct buf *out)
{
    if (us != 0)
        json_member_time(out, name, us);
    else
        json_member_text(out, name, (struct span){0});
}

static void versions_json(const struct trouble *trouble, struct buf *out)
{
    json_member_number(out, "version", 1);
    json_member_text(out, "build", SPAN_OF(PARSTOCK_VERSION));
    json_member_time(out, "made_at", trouble->now_us);
    json_member_time(out, "since", trouble->since_us);
    time_member("first_symptom_at", trouble->facts.symptom_at_us, out);
    json_member_text(out, "contract",
                     trouble->contract != NULL ? span_from(trouble->contract->digest)
                                               : (struct span){0});
    json_member_number_or_null(out, "schema_version", trouble->schema_version > 0,
                               trouble->schema_version);
    json_member_number(out, "schema_version_of_build", store_migrate_newest());
}

void trouble_json(const struct trouble *trouble, struct buf *out)
{
    buf_byte(out, '{');
    versions_json(trouble, out);
    suspects_json(trouble, out);
    gaps_json(trouble, out);
    json_name(out, "evidence");
    buf_byte(out, '{');
    for (size_t at = 0; at < trouble->section_count; at++)
        section_json(trouble, &trouble->sections[at], out);
    buf_text(out, "}}\n");
}

/* ---- for people ------------------------------------------------------------------------------------ */

/* "    $ parstock doctor" for each line. */
static void add_commands(const char *lines, struct buf *out)
{
    for (const char *at = lines; *at != '\0';) {
        int length = (int)strcspn(at, "\n");
        buf_format(out, "      $ %.*s\n", length, at);
        at += length + (at[length] == '\n' ? 1 : 0);
    }
}

void trouble_summary(const struct trouble *trouble, size_t most, struct buf *out)
{
    size_t count = trouble->suspects.count < most ? trouble->suspects.count : most;
    buf_format(out, "suspects, the most suspicious first (%zu in all):\n",
               trouble->suspects.count);
    for (size_t at = 0; at < count; at++) {
        const struct suspect *suspect = &trouble->suspects.all[at];
        buf_format(out, "%3zu. %s (%d): %s\n", at + 1, suspect->rule->id, suspect->weight,
                   suspect->rule->why);
        add_commands(suspect->rule->next, out);
        buf_format(out, "      page: %s\n", suspect->rule->runbook);
    }
    if (count == 0)
        buf_text(out, "  none of the known ones\n      $ parstock doctor\n");
    buf_format(out, "not read: %zu\n", trouble->gap_count);
    for (size_t at = 0; at < trouble->gap_count; at++) {
        buf_format(out, "  %s: ", trouble->gaps[at].part);
        redact_text(&trouble->redact, span_from(trouble->gaps[at].why), out);
        buf_byte(out, '\n');
    }
}

static size_t width_of(const struct trouble_section *section, size_t column)
{
    size_t width = strlen(section->table->columns[column]);
    for (const struct trouble_row *row = section->first; row != NULL; row = row->next)
        if (row->cells[column].length > width)
            width = row->cells[column].length;
    return width < WIDTH_MAX ? width : WIDTH_MAX;
}

static void add_cell(struct span text, size_t width, struct buf *out)
{
    size_t begin = out->length;
    for (size_t at = 0; at < text.length; at++) {
        bool is_plain = (unsigned char)text.bytes[at] >= 0x20 && text.bytes[at] != 0x7f;
        buf_byte(out, is_plain ? text.bytes[at] : '?');
    }
    while (out->length - begin < width + 2 && !out->failed)
        buf_byte(out, ' ');
}

static void add_line(const struct trouble *trouble, const struct trouble_section *section,
                     const struct trouble_row *row, struct buf *out)
{
    SCOPED(buf_free) struct buf clean;
    buf_init(&clean, TEXT_BYTES_MAX);
    for (size_t at = 0; at < section->column_count; at++) {
        struct span cell =
            row != NULL ? row->cells[at] : span_from(section->table->columns[at]);
        buf_clear(&clean);
        buf_text(&clean, "");
        redact_text(&trouble->redact, cell.bytes != NULL ? cell : SPAN_OF("-"), &clean);
        add_cell(buf_view(&clean), width_of(section, at), out);
    }
    buf_byte(out, '\n');
}

static void add_section(const struct trouble *trouble,
                        const struct trouble_section *section, struct buf *out)
{
    buf_format(out, "\n== %s ==\n", section->table->title);
    if (section->row_count == 0) {
        buf_text(out, "none\n");
        return;
    }
    add_line(trouble, section, NULL, out);
    for (const struct trouble_row *row = section->first; row != NULL; row = row->next)
        add_line(trouble, section, row, out);
}

void trouble_report(const struct trouble *trouble, struct buf *out)
{
    char now[RFC3339_TEXT_MAX];
    char since[RFC3339_TEXT_MAX];
    rfc3339_format(trouble->now_us, now);
    rfc3339_format(trouble->since_us, since);
    buf_format(out,
               "parstock %s, evidence of %s, what changed since %s\n"
               "contract file in hand: %s\nschema: %lld (this build knows %lld)\n\n",
               PARSTOCK_VERSION, now, since,
               trouble->contract != NULL ? trouble->contract->digest : "none",
               (long long)trouble->schema_version, (long long)store_migrate_newest());
    trouble_summary(trouble, SUSPECTS_MAX, out);
    for (size_t at = 0; at < trouble->section_count; at++)
        add_section(trouble, &trouble->sections[at], out);
}
