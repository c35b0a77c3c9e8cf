/*
 * live_incidents: what drift and resolve do with incidents, without them.
 *
 * Each line of standard input is a transaction:
 *
 *     drift SHOP SKU LOCATION [PROPOSAL]   one is seen; PROPOSAL: a JSON object, no spaces
 *     run SHOP ID [SKU=clean|found]...     a run that begins now; others it did not look at
 *     late SHOP ID [SKU=clean|found]...    the same, begun an hour ago
 *     take                                 approved actions
 *     done ID NOTE | fail ID NOTE          what came of one
 *
 * A line that begins with "rollback " is rolled back. Answers with one JSON value a line.
 * PARSTOCK_POSTGRES and PARSTOCK_SCHEMA as for apply.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_clock.h"
#include "common/io/store_incident_life.h"
#include "common/io/store_incident_outbox.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES 65536
#define POOL_BYTES ((size_t)64 << 20)
#define HOUR_US INT64_C(3600000000)

struct tool {
    struct postgres *postgres;
    struct pool pool;
    char *rest;
};

static char *word(struct tool *tool)
{
    return strtok_r(NULL, " \n", &tool->rest);
}

static enum status see(struct tool *tool, struct error *error)
{
    static struct incident_set set;
    static struct incident_changes changes;
    int64_t now_us = 0;
    struct incident_subject subject;
    subject.source = (struct span){0};
    subject.shop = span_from(word(tool));
    subject.sku = span_from(word(tool));
    subject.location = span_from(word(tool));
    enum status status = store_clock_us(tool->postgres, &now_us, error);
    if (status != STATUS_OK)
        return status;
    const struct incident_origin origin = {.offset = now_us, .recorded_at_us = now_us};
    set = (struct incident_set){.actor = "resolve"};
    ASSERT(incident_set_add(&set, INCIDENT_DRIFT, &subject, &origin));
    set.items[0].evidence = SPAN_OF("{\"desired\": 5, \"shown\": 9}");
    set.items[0].proposal = span_from(word(tool));
    status = store_incidents_see(tool->postgres, &set, &tool->pool, &changes, error);
    if (status == STATUS_OK)
        status = store_incidents_tell(tool->postgres, &changes, &tool->pool, error);
    printf("\"%s\"\n", status == STATUS_OK && changes.count > 0
                           ? incident_state_name(changes.items[0].incident.state)
                           : "untold");
    return status;
}

static enum incident_finding_of_run says(void *self, const struct incident_of_pair *pair)
{
    const char *found = self;
    char wanted[256];
    (void)snprintf(wanted, sizeof(wanted), " %.*s=", SPAN_ARGS(pair->sku));
    found = strstr(found, wanted);
    if (found == NULL)
        return INCIDENT_RUN_SILENT;
    return strncmp(found + strlen(wanted), "clean", 5) == 0 ? INCIDENT_RUN_CLEAN
                                                            : INCIDENT_RUN_FOUND;
}

static enum status run(struct tool *tool, int64_t ago_us, struct error *error)
{
    char said[LINE_BYTES];
    int64_t now_us = 0;
    struct incident_run_report report;
    struct incident_run one = {.actor = SPAN_OF("drift"), .says = says, .self = said};
    one.shop = span_from(word(tool));
    one.id = span_from(word(tool));
    (void)snprintf(said, sizeof(said), " %s", tool->rest);
    enum status status = store_clock_us(tool->postgres, &now_us, error);
    one.began_at_us = now_us - ago_us;
    if (status == STATUS_OK)
        status = store_incidents_run(tool->postgres, &one, &report, error);
    if (status == STATUS_OK)
        printf("{\"looked_at\": %zu, \"clean\": %zu, \"resolved\": %zu}\n",
               report.looked_at, report.clean, report.resolved);
    return status;
}

static enum status take(struct tool *tool, struct error *error)
{
    static struct incident_approved_page page;
    enum status status = store_incidents_take_approved(tool->postgres, SPAN_OF("resolve"),
                                                       &tool->pool, &page, error);
    putchar('[');
    for (size_t at = 0; at < page.count; at++)
        printf("%s{\"id\": \"%.*s\", \"sku\": \"%.*s\", \"proposal\": %.*s, \"by\": "
               "\"%.*s\"}",
               at > 0 ? ", " : "", SPAN_ARGS(page.items[at].id),
               SPAN_ARGS(page.items[at].sku), SPAN_ARGS(page.items[at].proposal),
               SPAN_ARGS(page.items[at].approved_by));
    puts("]");
    return status;
}

static enum status end(struct tool *tool, enum incident_verb verb, struct error *error)
{
    struct incident after;
    struct incident_deed deed = {.verb = verb, .actor = SPAN_OF("resolve")};
    deed.id = span_from(word(tool));
    deed.note = span_from(word(tool));
    enum status status =
        store_incident_do(tool->postgres, &deed, &tool->pool, &after, error);
    if (status == STATUS_REJECT)
        printf("\"%s\"\n", error->code);
    else if (status == STATUS_OK)
        printf("\"%s\"\n", incident_state_name(after.state));
    return status == STATUS_REJECT ? STATUS_OK : status;
}

static enum status do_line(struct tool *tool, const char *verb, struct error *error)
{
    if (strcmp(verb, "drift") == 0)
        return see(tool, error);
    if (strcmp(verb, "run") == 0 || strcmp(verb, "late") == 0)
        return run(tool, strcmp(verb, "late") == 0 ? HOUR_US : 0, error);
    if (strcmp(verb, "take") == 0)
        return take(tool, error);
    return end(tool, strcmp(verb, "done") == 0 ? INCIDENT_DONE : INCIDENT_FAIL, error);
}

static enum status run_line(struct tool *tool, char *line, struct error *error)
{
    char *verb = strtok_r(line, " \n", &tool->rest);
    ASSERT(verb != NULL);
    bool rolls_back = strcmp(verb, "rollback") == 0;
    if (rolls_back)
        verb = word(tool);
    enum status status = postgres_script(tool->postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = do_line(tool, verb, error);
    if (status == STATUS_OK)
        status =
            postgres_script(tool->postgres, rolls_back ? "ROLLBACK" : "COMMIT", error);
    (void)fflush(stdout);
    return status;
}

int main(void)
{
    struct tool tool = {0};
    struct error error = {0};
    static char line[LINE_BYTES];
    const struct postgres_options options = {.dsn = getenv("PARSTOCK_POSTGRES"),
                                             .schema = getenv("PARSTOCK_SCHEMA"),
                                             .application_name = "live_incidents"};
    pool_init(&tool.pool, POOL_BYTES);
    enum status status = postgres_open(&options, &tool.postgres, &error);
    while (status == STATUS_OK && fgets(line, sizeof(line), stdin) != NULL) {
        status = run_line(&tool, line, &error);
        pool_reset(&tool.pool);
    }
    pool_free(&tool.pool);
    postgres_close(&tool.postgres);
    if (status == STATUS_OK)
        return 0;
    fprintf(stderr, "live_incidents: %s %s\n", error.code, error.text);
    return 1;
}
