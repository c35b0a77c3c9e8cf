#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "workers/resync/resync.h"

#include <stdio.h>

#define LINE_BYTES_MAX ((size_t)64 * 1024)

struct printer {
    struct resync_job *job;
    struct buf line;
    size_t printed;
};

static void number_text(bool present, int64_t number, char room[24])
{
    if (present)
        (void)snprintf(room, 24, "%lld", (long long)number);
    else
        (void)snprintf(room, 24, "-");
}

static void print_row(struct printer *printer, const struct resync_pair *pair)
{
    char desired[24];
    char shown[24];
    if (printer->printed++ == 0)
        printf("%-12s %-24s %-10s %8s %8s %s\n", "SHOP", "SKU", "LOCATION", "DESIRED",
               "SHOWN", "STATE");
    number_text(pair->has_desired, pair->desired, desired);
    number_text(pair->has_shown, pair->shown, shown);
    printf("%-12.*s %-24.*s %-10.*s %8s %8s %.*s%s\n", SPAN_ARGS(pair->shop),
           SPAN_ARGS(pair->sku), SPAN_ARGS(pair->location), desired, shown,
           SPAN_ARGS(pair->state), pair->may ? "" : " (left alone)");
}

static enum status print_json(struct printer *printer, const struct resync_pair *pair,
                              struct error *error)
{
    struct buf *line = &printer->line;
    buf_clear(line);
    buf_byte(line, '{');
    json_member_text(line, "shop", pair->shop);
    json_member_text(line, "sku", pair->sku);
    json_member_text(line, "location", pair->location);
    json_member_number_or_null(line, "desired", pair->has_desired, pair->desired);
    json_member_number_or_null(line, "shown", pair->has_shown, pair->shown);
    json_member_text(line, "state", pair->state);
    json_name(line, "resync");
    buf_text(line, pair->may ? "true" : "false");
    buf_byte(line, '}');
    if (line->failed)
        return error_set(error, STATUS_FATAL, "resync: out of memory");
    bool comma = printer->job->output == OUTPUT_JSON && printer->printed > 0;
    printf("%s%s\n", comma ? "," : "", line->bytes);
    printer->printed++;
    return STATUS_OK;
}

static enum status print_pair(void *self, const struct resync_pair *pair,
                              struct error *error)
{
    struct printer *printer = self;
    printer->job->left_alone += !pair->may;
    if (printer->job->output != OUTPUT_TABLE)
        return print_json(printer, pair, error);
    print_row(printer, pair);
    return STATUS_OK;
}

enum status resync_print_plan(struct resync_job *job, struct error *error)
{
    struct printer printer = {.job = job};
    const struct resync_visitor visitor = {.each = print_pair, .self = &printer};
    buf_init(&printer.line, LINE_BYTES_MAX);
    if (job->output == OUTPUT_JSON)
        printf("{\"dry_run\": true, \"pairs\": %lld, \"items\": [\n",
               (long long)job->pairs);
    enum status status = store_resync_plan(job->postgres, &job->filter, &visitor, error);
    buf_free(&printer.line);
    if (status != STATUS_OK)
        return status;
    if (job->output == OUTPUT_JSON)
        printf("], \"left_alone\": %lld}\n", (long long)job->left_alone);
    if (job->output == OUTPUT_TABLE)
        printf("%lld pairs would be read, and written where they differ; %lld are left "
               "alone. Nothing was done.\n",
               (long long)job->pairs, (long long)job->left_alone);
    return STATUS_OK;
}
