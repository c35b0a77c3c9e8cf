/*
 * parstock migrate: brings the database schema to the version of this binary.
 */
#include "common/base/scope.h"
#include "common/io/store_migrate.h"
#include "common/io/store_retention.h"
#include "common/runtime/config.h"
#include "common/runtime/database.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>

struct migrate_flags {
    int64_t to;
    bool dry_run;
};

static const struct flag FLAGS[] = {
    {"to", FLAG_INTEGER, offsetof(struct migrate_flags, to), "N",
     "stop at version N; default: the newest of this binary"},
    {"dry-run", FLAG_SWITCH, offsetof(struct migrate_flags, dry_run), NULL,
     "say what would be done, change nothing"},
};

static const struct command_spec SPEC = {
    .name = "migrate",
    .summary = "bring the database schema up to date",
    .usage = "[--to N] [--dry-run]",
    .detail =
        "Runs the numbered migrations that this binary holds, in order, in one "
        "transaction and under an advisory lock: any number may start at once, and a "
        "second run changes nothing. The role needs CREATE on the database the first "
        "time. Then makes the ledger's partitions of today and the next 7 days where they "
        "are missing; later ones are made by 'parstock retention'.",
    .uses = CONFIG_POSTGRES,
    .needs = CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = sizeof(FLAGS) / sizeof(FLAGS[0]),
};

/* The ledger works without: its rows lie in the default partition until retention runs. */
static void prepare_ledger(struct postgres *postgres)
{
    struct error error = {0};
    int made = 0;
    enum status status = store_retention_prepare(postgres, &made, &error);
    if (made > 0)
        printf("ledger: %d partitions made ahead\n", made);
    if (status != STATUS_OK)
        fprintf(stderr,
                "parstock migrate: the ledger's partitions could not be made (%s); run "
                "'parstock retention'\n",
                error.text);
}

static enum status migrate_run(const struct config *config,
                               const struct migrate_flags *flags, struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(config, "parstock migrate", 3600 * 1000);
    enum status status = postgres_open(&options, &postgres, error);
    if (status != STATUS_OK)
        return status;
    struct migration_report report = {0};
    const struct migration_wish wish = {
        .schema = config->schema, .to = flags->to, .dry_run = flags->dry_run};
    status = store_migrate(postgres, &wish, &report, error);
    if (status != STATUS_OK)
        return status;
    if (report.before == report.after)
        printf("schema %s is at version %lld; nothing to do\n", config->schema,
               (long long)report.after);
    else
        printf("schema %s: version %lld -> %lld%s\n", config->schema,
               (long long)report.before, (long long)report.after,
               flags->dry_run ? " (dry run: nothing changed)" : "");
    if (!flags->dry_run && report.after == store_migrate_newest())
        prepare_ledger(postgres);
    return STATUS_OK;
}

int migrate_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct migrate_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (migrate_run(&config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
