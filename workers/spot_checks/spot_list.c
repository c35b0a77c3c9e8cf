#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "workers/spot_checks/spot_checks.h"

#include <stdio.h>

#define LINE_BYTES_MAX ((size_t)64 * 1024)

struct printer {
    enum output output;
    struct buf line;
    size_t printed;
};

static void print_row(struct printer *printer, const struct spot_shelf *shelf)
{
    char books[24] = "-";
    char counted[RFC3339_TEXT_MAX] = "never";
    if (shelf->has_books)
        (void)snprintf(books, sizeof books, "%lld", (long long)shelf->books);
    if (shelf->was_counted) {
        rfc3339_format(shelf->counted_at_us, counted);
        counted[10] = '\0';
    }
    if (printer->printed++ == 0)
        printf("%-24s %-10s %8s %-10s %s\n", "SKU", "LOCATION", "BOOKS", "COUNTED",
               "WHY");
    printf("%-24.*s %-10.*s %8s %-10s %.*s\n", SPAN_ARGS(shelf->sku),
           SPAN_ARGS(shelf->location), books, counted, SPAN_ARGS(shelf->reasons));
}

static enum status print_json(struct printer *printer, const struct spot_shelf *shelf,
                              struct error *error)
{
    struct buf *line = &printer->line;
    buf_clear(line);
    buf_byte(line, '{');
    json_member_text(line, "sku", shelf->sku);
    json_member_text(line, "location", shelf->location);
    json_member_number_or_null(line, "books", shelf->has_books, shelf->books);
    json_member_text(line, "why", shelf->reasons);
    json_member_number(line, "weight", shelf->weight);
    if (shelf->was_counted)
        json_member_time(line, "counted_at", shelf->counted_at_us);
    else
        json_member_text(line, "counted_at", (struct span){0});
    buf_byte(line, '}');
    if (line->failed)
        return error_set(error, STATUS_FATAL, "spot-checks: out of memory");
    bool comma = printer->output == OUTPUT_JSON && printer->printed > 0;
    printf("%s%s\n", comma ? "," : "", line->bytes);
    printer->printed++;
    return STATUS_OK;
}

static enum status print_shelf(void *self, const struct spot_shelf *shelf,
                               struct error *error)
{
    struct printer *printer = self;
    if (printer->output != OUTPUT_TABLE)
        return print_json(printer, shelf, error);
    print_row(printer, shelf);
    return STATUS_OK;
}

enum status spot_list(struct spot_job *job, struct error *error)
{
    struct printer printer = {.output = job->output};
    const struct spot_visitor visitor = {.each = print_shelf, .self = &printer};
    const struct spot_wanted wanted = {.contract = job->contract,
                                       .location = job->location,
                                       .limit = job->flags->limit + job->flags->sample,
                                       .sample = job->flags->sample};
    buf_init(&printer.line, LINE_BYTES_MAX);
    if (job->output == OUTPUT_JSON)
        puts("[");
    enum status status = store_spot_list(job->postgres, &wanted, &visitor, error);
    if (job->output == OUTPUT_JSON && status == STATUS_OK)
        puts("]");
    if (job->output == OUTPUT_TABLE && status == STATUS_OK && printer.printed == 0)
        puts("nothing speaks for counting a shelf; --sample N draws some at random");
    buf_free(&printer.line);
    return status;
}
