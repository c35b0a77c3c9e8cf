/*
 * parstock audit: proves the invariants of the ledger and names what breaks them.
 */
#include "workers/audit/audit.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "common/runtime/database.h"
#include "common/runtime/seal_job.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define SEALS_BYTES_MAX ((size_t)4096)
#define VIOLATIONS_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct audit_flags {
    int64_t most;
    const char *at;
    bool seal;
};

static const struct flag FLAGS[] = {
    {"most", FLAG_INTEGER, offsetof(struct audit_flags, most), "N",
     "name at most N offenders of each invariant; default 20"},
    {"at", FLAG_TEXT, offsetof(struct audit_flags, at), "TIME",
     "the ledger as it was at this time (RFC 3339): does it fold to the levels of then?"},
    {"seal", FLAG_SWITCH, offsetof(struct audit_flags, seal), NULL,
     "first seal the weeks that are over and have no seal yet, as 'retention' does"},
};

static const struct command_spec SPEC = {
    .name = "audit",
    .summary = "prove that the ledger and the levels agree",
    .usage = "[--most N] [--at TIME | --seal] [-o table|json]",
    .detail =
        "Reads everything in one snapshot and checks that the ledger folds to the "
        "levels, that every event starts from the level that the one before it left, "
        "that no key and no record stands twice, that every SKU was judged on one "
        "partition, in rising order of offsets whoever held it, and that the seven outcomes of every partition add up to what was "
        "read of it. What retention has dropped is accounted for: the ledger is folded "
        "from what is left. Workers may "
        "run meanwhile. Exit code 1 where an invariant is broken; the offenders are "
        "named.\n\n"
        "Weeks that are over are sealed by 'retention': digests of their pages, each seal "
        "with the one before it in it. A row that was changed since, a page that was "
        "deleted and a seal that was changed are found, and the week, day and offsets "
        "named. Whoever may write to the database can make the whole chain anew: write "
        "the last seal down elsewhere, where it can be compared.\n\n"
        "With --at: the levels that the ledger left at that time are those that the events "
        "up to then add up to; their number, and a digest of them to compare.",
    .uses = CONFIG_POSTGRES | CONFIG_OUTPUT,
    .needs = CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

/* ---- running ------------------------------------------------------------------------------ */

enum status audit_offender(struct audit *audit, struct span offender, struct error *error)
{
    audit->found++;
    audit->violations++;
    if (audit->output == OUTPUT_TABLE)
        printf("  %.*s\n", SPAN_ARGS(offender));
    if (audit->list.length > 0)
        buf_byte(&audit->list, ',');
    buf_byte(&audit->list, '{');
    json_member_text(&audit->list, "invariant", span_from(audit->check));
    json_member_text(&audit->list, "offender", offender);
    buf_byte(&audit->list, '}');
    if (audit->list.failed)
        return error_set(error, STATUS_FATAL, "audit: too many violations to list");
    return STATUS_OK;
}

static enum status note_offender(void *self, struct span offender, struct error *error)
{
    return audit_offender(self, offender, error);
}

void audit_print_check(const struct audit *audit, const char *id, const char *promise)
{
    if (audit->output == OUTPUT_TABLE)
        printf("%-4s %-22s %s\n", audit->found == 0 ? "ok" : "FAIL", id, promise);
}

static enum status run_checks(struct audit *audit, struct postgres *postgres,
                              struct error *error)
{
    const struct audit_check *check = NULL;
    for (size_t at = 0; (check = store_audit_check(at)) != NULL; at++) {
        if (isatty(STDERR_FILENO) != 0 && audit->output == OUTPUT_TABLE)
            fprintf(stderr, "\rchecking %s ...\r", check->id);
        audit->check = check->id;
        audit->found = 0;
        const struct offender_visitor visitor = {
            .max = audit->most, .each = note_offender, .self = audit};
        enum status status = store_audit_run(postgres, check, &visitor, error);
        if (status != STATUS_OK)
            return status;
        audit_print_check(audit, check->id, check->promise);
    }
    return audit_seals(audit, postgres, error);
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

/* ---- seals --------------------------------------------------------------------------------- */

static void add_seals(struct buf *out, const struct audit *audit)
{
    char day[SEAL_DATE_MAX] = "";
    buf_byte(out, '{');
    json_member_number(out, "count", audit->seals.seals);
    json_member_number(out, "made", audit->seals_made);
    if (audit->seals.seals > 0)
        seal_date(audit->seals.last_day, day);
    json_member_text(out, "last_day", span_from(day[0] != '\0' ? day : NULL));
    json_member_text(out, "head", span_from(day[0] != '\0' ? audit->seals.head : NULL));
    buf_byte(out, '}');
}

static void print_seals(const struct audit *audit)
{
    char day[SEAL_DATE_MAX];
    if (audit->seals.seals == 0)
        return;
    seal_date(audit->seals.last_day, day);
    printf("%lld seals up to %s, the last %s\n", (long long)audit->seals.seals, day,
           audit->seals.head);
}

/* ---- printing ------------------------------------------------------------------------------ */

static void print_json(const struct audit *audit)
{
    SCOPED(buf_free) struct buf seals = {0};
    buf_init(&seals, SEALS_BYTES_MAX);
    add_seals(&seals, audit);
    printf("{\"ok\": %s, \"read\": %lld, \"outcomes\": {",
           audit->violations == 0 ? "true" : "false", (long long)audit->counts.read);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        printf("%s\"%s\": %lld", outcome > 0 ? ", " : "",
               outcome_name((enum outcome)outcome),
               (long long)audit->counts.outcomes[outcome]);
    printf("}, \"levels\": %lld, \"violations\": [%s], \"partitions\": [%s], "
           "\"seals\": %s}\n",
           (long long)audit->counts.levels,
           audit->list.bytes != NULL ? audit->list.bytes : "",
           audit->partitions.bytes != NULL ? audit->partitions.bytes : "",
           seals.failed ? "null" : seals.bytes);
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
    print_seals(audit);
    if (audit->violations == 0)
        puts("audit: every invariant holds");
    else
        printf("audit: %zu violations\n", audit->violations);
}

static enum status check_now(struct audit *audit, struct postgres *postgres,
                             struct error *error)
{
    const struct audit_partition_visitor partitions = {.each = note_partition,
                                                       .self = audit};
    enum status status = store_audit_counts(postgres, &audit->counts, error);
    if (status == STATUS_OK)
        status = store_audit_partitions(postgres, &partitions, error);
    return status == STATUS_OK ? run_checks(audit, postgres, error) : status;
}

static enum status read_flags(const struct audit_flags *flags, struct audit *audit,
                              struct error *error)
{
    audit->most = flags->most > 0 && flags->most < INT32_MAX ? (int)flags->most : 20;
    audit->has_at = flags->at != NULL;
    if (audit->has_at && !rfc3339_parse(span_from(flags->at), &audit->at_us)) {
        (void)error_set(
            error, STATUS_REJECT,
            "--at %.60s: not a time as RFC 3339 has it; e.g. 2026-11-25T12:00:00Z",
            flags->at);
        return error_exit(error, EXIT_USAGE);
    }
    if (!audit->has_at || !flags->seal)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "give --at or --seal, not both");
    return error_exit(error, EXIT_USAGE);
}

static enum status audit_run(const struct config *config, const struct audit_flags *flags,
                             struct audit *audit, struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(config, "parstock audit", 3600 * 1000);
    const struct seal_leaving nothing = {.has_day = false};
    enum status status = output_parse(config, &audit->output, error);
    if (status == STATUS_OK)
        status = read_flags(flags, audit, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    if (status == STATUS_OK && flags->seal)
        status = seal_due(postgres, &nothing, &audit->seals_made, error);
    if (status == STATUS_OK)
        status = store_audit_begin(postgres, error);
    if (status != STATUS_OK)
        return status;
    return audit->has_at ? audit_at(audit, postgres, error)
                         : check_now(audit, postgres, error);
}

static void print(const struct audit *audit)
{
    if (audit->has_at)
        audit_at_print(audit);
    else if (audit->output == OUTPUT_TABLE)
        print_summary(audit);
    else
        print_json(audit);
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
    if (status == STATUS_OK)
        print(&audit);
    buf_free(&audit.list);
    buf_free(&audit.partitions);
    if (status != STATUS_OK)
        return config_fail(&SPEC, &error);
    return audit.violations == 0 ? 0 : EXIT_FOUND;
}
