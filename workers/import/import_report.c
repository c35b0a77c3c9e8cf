#include "workers/import/import_report.h"

#include "common/codec/json_text.h"

#include <inttypes.h>
#include <stdio.h>

#define ERRORS_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define NOTES_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define DETAIL_BYTES_MAX 1024

void report_init(struct import_report *report, enum output output)
{
    *report = (struct import_report){.output = output};
    buf_init(&report->errors, ERRORS_BYTES_MAX);
    buf_init(&report->notes, NOTES_BYTES_MAX);
}

void report_free(struct import_report *report)
{
    buf_free(&report->errors);
    buf_free(&report->notes);
}

void report_good(struct import_report *report)
{
    report->rows++;
    report->valid++;
}

void report_detail(const struct import_fault *fault, struct buf *out)
{
    buf_text(out, fault->detail);
    if (fault->detail[0] != '\0')
        buf_text(out, ": ");
    buf_text(out, feed_reason_remedy(fault->reason));
}

static void write_json(struct import_report *report, const struct import_fault *fault,
                       struct span detail)
{
    struct buf *out = &report->errors;
    if (report->output == OUTPUT_JSON && report->listed > 0)
        buf_byte(out, ',');
    buf_byte(out, '{');
    json_member_text_lossy(out, "file", span_from(fault->file->path));
    json_member_number(out, "line", fault->line);
    json_member_text(out, "reason", span_from(feed_reason_code(fault->reason)));
    json_member_text_lossy(out, "detail", detail);
    buf_text(out, report->output == OUTPUT_JSON ? "}" : "}\n");
}

void report_bad(struct import_report *report, const struct import_fault *fault)
{
    struct buf detail = {0};
    if (fault->row > 0) {
        report->rows++;
        report->invalid++;
    } else {
        report->files_refused++;
    }
    /* the last entries keep the list whole: a buffer that overflows would lose all */
    if (report->listed == REPORT_ERRORS_MAX ||
        report->errors.length > ERRORS_BYTES_MAX - (size_t)64 * 1024)
        return;
    buf_init(&detail, DETAIL_BYTES_MAX);
    report_detail(fault, &detail);
    if (report->output == OUTPUT_TABLE)
        buf_format(&report->errors, "%s:%" PRId64 ": %s: %s\n", fault->file->path,
                   fault->line, feed_reason_code(fault->reason), detail.bytes);
    else
        write_json(report, fault, buf_view(&detail));
    report->listed++;
    buf_free(&detail);
}

/* ---- printing ----------------------------------------------------------------------------- */

static void print_counts(const struct import_report *report)
{
    printf("{\"rows\":%" PRId64 ",\"valid\":%" PRId64 ",\"invalid\":%" PRId64
           ",\"published\":%" PRId64,
           report->rows, report->valid, report->invalid, report->published);
}

static const char *text_of(const struct buf *buf)
{
    return buf->length > 0 ? buf->bytes : "";
}

static void print_table(const struct import_report *report)
{
    fputs(text_of(&report->errors), stdout);
    int64_t left = report->invalid + report->files_refused - report->listed;
    if (left > 0)
        printf("... and %" PRId64 " more\n", left);
    fputs(text_of(&report->notes), stdout);
    printf("%" PRId64 " rows: %" PRId64 " good, %" PRId64 " refused; %" PRId64
           " published\n",
           report->rows, report->valid, report->invalid, report->published);
}

void report_print(const struct import_report *report)
{
    switch (report->output) {
    case OUTPUT_TABLE:
        print_table(report);
        return;
    case OUTPUT_JSONL:
        fputs(text_of(&report->errors), stdout);
        fputs(text_of(&report->notes), stdout);
        print_counts(report);
        fputs("}\n", stdout);
        return;
    case OUTPUT_JSON:
        print_counts(report);
        printf(",\"errors\":[%s]}\n", text_of(&report->errors));
        return;
    }
}
