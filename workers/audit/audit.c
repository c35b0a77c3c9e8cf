/*
 * parstock audit: proves the invariants of the ledger and names what breaks them.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/io/store_levels.h"
#include "common/runtime/output.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define VIOLATIONS_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct audit_flags {
    int64_t most;
};

static const struct flag FLAGS[] = {
    {"most", FLAG_INTEGER, offsetof(struct audit_flags, most), "N",
     "name at most N offenders of each invariant; default 20"},
};

static const struct command_spec SPEC = {
    .name = "audit",
    .summary = "prove that the ledger and the levels agree",
    .usage = "[--most N] [-o table|json]",
    .detail =
        "Reads everything in one snapshot and checks that the ledger folds to the "
        "levels, that every event starts from the level that the one before it left, "
        "that no key and no record stands twice, that every SKU was judged on one "
        "partition, and that the seven outcomes of every partition add up to what was "
        "read of it. What retention has dropped is accounted for: the ledger is folded "
        "from what is left. Workers may "
        "run meanwhile. Exit code 1 where an invariant is broken; the offenders are "
        "named.",
    .uses = CONFIG_POSTGRES | CONFIG_OUTPUT,
    .needs = CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct audit {
    struct audit_counts counts;
    enum output output;
    const struct audit_check *check; /* the one that runs */
    size_t found;                    /* by it */
    size_t violations;
    struct buf list;       /* JSON members of "violations" */
    struct buf partitions; /* of "partitions", or rows of the table */
};

/* ---- running ------------------------------------------------------------------------------ */

static enum status note_offender(void *self, struct span offender, struct error *error)
{
    struct audit *audit = self;
    audit->found++;
    audit->violations++;
    if (audit->output == OUTPUT_TABLE)
        printf("  %.*s\n", SPAN_ARGS(offender));
    if (audit->list.length > 0)
        buf_byte(&audit->list, ',');
    buf_byte(&audit->list, '{');
    json_member_text(&audit->list, "invariant", span_from(audit->check->id));
    json_member_text(&audit->list, "offender", offender);
    buf_byte(&audit->list, '}');
    if (audit->list.failed)
        return error_set(error, STATUS_FATAL, "audit: too many violations to list");
    return STATUS_OK;
}

static void print_check(const struct audit *audit)
{
    if (audit->output == OUTPUT_TABLE)
        printf("%-4s %-22s %s\n", audit->found == 0 ? "ok" : "FAIL", audit->check->id,
               audit->check->promise);
}

static enum status run_checks(struct audit *audit, struct postgres *postgres, int most,
                              struct error *error)
{
    for (size_t at = 0; (audit->check = store_audit_check(at)) != NULL; at++) {
        if (isatty(STDERR_FILENO) != 0 && audit->output == OUTPUT_TABLE)
            fprintf(stderr, "\rchecking %s ...\r", audit->check->id);
        audit->found = 0;
        const struct offender_visitor visitor = {
            .max = most, .each = note_offender, .self = audit};
        enum status status = store_audit_run(postgres, audit->check, &visitor, error);
        if (status != STATUS_OK)
            return status;
        print_check(audit);
    }
    return STATUS_OK;
}

/* ---- partitions --------------------------------------------------------------------------- */

static void add_outcomes(struct buf *out, const int64_t outcomes[OUTCOME_COUNT])
{
    json_name(out, "outcomes");
    buf_byte(out, '{');
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        json_member_number(out, outcome_name((enum outcome)outcome), outcomes[outcome]);
    }
    buf_byte(out, '}');
}

static void add_partition_json(struct buf *out, const struct audit_partition *partition)
{
    if (out->length > 0)
        buf_byte(out, ',');
    buf_byte(out, '{');
    json_member_text(out, "topic", partition->topic);
    json_member_number(out, "partition", partition->partition);
    json_member_number(out, "read", partition->read);
    json_member_number(out, "next_offset", partition->next_offset);
    add_outcomes(out, partition->outcomes);
    buf_byte(out, '}');
}

/* Columns as wide as their names, and wide enough for numbers that happen. */
static void add_partition_row(struct buf *out, const struct audit_partition *partition)
{
    if (out->length == 0) {
        buf_format(out, "%-9s %9s %9s", "PARTITION", "READ", "NEXT");
        for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
            buf_format(out, " %9s", outcome_name((enum outcome)outcome));
        buf_byte(out, '\n');
    }
    buf_format(out, "%-9d %9lld %9lld", (int)partition->partition,
               (long long)partition->read, (long long)partition->next_offset);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        buf_format(out, " %9lld", (long long)partition->outcomes[outcome]);
    buf_byte(out, '\n');
}

static enum status note_partition(void *self, const struct audit_partition *partition,
                                  struct error *error)
{
    struct audit *audit = self;
    if (audit->output == OUTPUT_TABLE)
        add_partition_row(&audit->partitions, partition);
    else
        add_partition_json(&audit->partitions, partition);
    if (audit->partitions.failed)
        return error_set(error, STATUS_FATAL, "audit: too many partitions to list");
    return STATUS_OK;
}

/* ---- printing ------------------------------------------------------------------------------ */

static void print_json(const struct audit *audit)
{
    printf("{\"ok\": %s, \"read\": %lld, \"outcomes\": {",
           audit->violations == 0 ? "true" : "false", (long long)audit->counts.read);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        printf("%s\"%s\": %lld", outcome > 0 ? ", " : "",
               outcome_name((enum outcome)outcome),
               (long long)audit->counts.outcomes[outcome]);
    printf("}, \"levels\": %lld, \"violations\": [%s], \"partitions\": [%s]}\n",
           (long long)audit->counts.levels,
           audit->list.bytes != NULL ? audit->list.bytes : "",
           audit->partitions.bytes != NULL ? audit->partitions.bytes : "");
}

static void print_summary(const struct audit *audit)
{
    if (audit->partitions.length > 0)
        printf("\n%s", audit->partitions.bytes);
    printf("\n%lld records judged:", (long long)audit->counts.read);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        printf("%s %lld %s", outcome > 0 ? "," : "",
               (long long)audit->counts.outcomes[outcome],
               outcome_name((enum outcome)outcome));
    printf("\n%lld levels\n", (long long)audit->counts.levels);
    if (audit->violations == 0)
        puts("audit: every invariant holds");
    else
        printf("audit: %zu violations\n", audit->violations);
}

static enum status audit_run(const struct config *config, const struct audit_flags *flags,
                             struct audit *audit, struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options = {.dsn = config->postgres,
                                             .schema = config->schema,
                                             .application_name = "parstock audit",
                                             .statement_timeout_ms = 3600 * 1000};
    enum status status = output_parse(config, &audit->output, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    if (status == STATUS_OK)
        status = store_audit_begin(postgres, error);
    if (status == STATUS_OK)
        status = store_audit_counts(postgres, &audit->counts, error);
    const struct audit_partition_visitor partitions = {.each = note_partition,
                                                       .self = audit};
    if (status == STATUS_OK)
        status = store_audit_partitions(postgres, &partitions, error);
    if (status == STATUS_OK)
        status =
            run_checks(audit, postgres, flags->most > 0 ? (int)flags->most : 20, error);
    return status;
}

int audit_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct audit_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct audit audit = {0};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    buf_init(&audit.list, VIOLATIONS_BYTES_MAX);
    buf_init(&audit.partitions, VIOLATIONS_BYTES_MAX);
    enum status status = audit_run(&config, &flags, &audit, &error);
    if (status == STATUS_OK && audit.output == OUTPUT_TABLE)
        print_summary(&audit);
    else if (status == STATUS_OK)
        print_json(&audit);
    buf_free(&audit.list);
    buf_free(&audit.partitions);
    if (status != STATUS_OK)
        return config_fail(&SPEC, &error);
    return audit.violations == 0 ? 0 : EXIT_FOUND;
}
