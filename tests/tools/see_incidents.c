/*
 * see_incidents: what a batch of apply does about ids used again, without the batch.
 *
 * Each line of standard input is a transaction:
 *
 *     END PARTITION OFFSET SOURCE COUNT [SOURCE COUNT]...
 *
 * COUNT sightings a source, at OFFSET and the offsets after it; END is commit or rollback.
 * Answers with one JSON line each: [{"partition", "offset", "kind", "key", "value"}], once
 * the transaction has ended. PARSTOCK_POSTGRES and PARSTOCK_SCHEMA as for apply.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/incident_json.h"
#include "common/io/store_incidents.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES 4096
#define POOL_BYTES ((size_t)16 << 20)

static struct incident_origin origin_of(int32_t partition, int64_t offset)
{
    return (struct incident_origin){.topic = SPAN_OF("inventory.stock-changes"),
                                    .partition = partition,
                                    .offset = offset,
                                    .recorded_at_us = 1795608000000000 + offset,
                                    .sku = SPAN_OF("CUP-\xc3\x9f"),
                                    .location = SPAN_OF("BER"),
                                    .event_id = SPAN_OF("again")};
}

static void see_all(struct incident_set *set, char *words, int32_t partition,
                    int64_t offset)
{
    char *rest = NULL;
    for (char *source = strtok_r(words, " \n", &rest); source != NULL;
         source = strtok_r(NULL, " \n", &rest)) {
        int64_t count = 0;
        const struct incident_subject subject = {.source = span_from(source)};
        ASSERT(span_to_int64(span_from(strtok_r(NULL, " \n", &rest)), &count));
        for (; count > 0; count--, offset++) {
            const struct incident_origin origin = origin_of(partition, offset);
            ASSERT(incident_set_add(set, INCIDENT_ID_REUSED, &subject, &origin));
        }
    }
}

static void print_changes(const struct incident_changes *changes, struct pool *pool)
{
    putchar('[');
    for (size_t at = 0; at < changes->count; at++) {
        struct outbox_row row;
        const struct incident_change *change = &changes->items[at];
        ASSERT(incident_json_record(&change->incident, change->sighting, pool, &row));
        printf("%s{\"partition\": %d, \"offset\": %lld, \"kind\": %d, \"key\": \"%.*s\", "
               "\"value\": %.*s}",
               at > 0 ? ", " : "", (int)row.partition, (long long)row.offset,
               (int)row.kind, SPAN_ARGS(row.key), SPAN_ARGS(row.value));
    }
    puts("]");
    (void)fflush(stdout);
}

static enum status run_line(struct postgres *postgres, char *line, struct pool *pool,
                            struct error *error)
{
    static struct incident_set set;
    static struct incident_changes changes;
    char end[16];
    int partition = 0;
    long long offset = 0;
    int words = 0;
    set.actor = "apply";
    set.count = 0;
    ASSERT(sscanf(line, "%15s %d %lld %n", end, &partition, &offset, &words) == 3);
    see_all(&set, line + words, partition, offset);
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = store_incidents_see(postgres, &set, pool, &changes, error);
    if (status == STATUS_OK)
        status = postgres_script(
            postgres, strcmp(end, "commit") == 0 ? "COMMIT" : "ROLLBACK", error);
    if (status == STATUS_OK)
        print_changes(&changes, pool);
    return status;
}

int main(void)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    struct error error = {0};
    struct pool pool;
    char line[LINE_BYTES];
    const struct postgres_options options = {.dsn = getenv("PARSTOCK_POSTGRES"),
                                             .schema = getenv("PARSTOCK_SCHEMA"),
                                             .application_name = "see_incidents"};
    pool_init(&pool, POOL_BYTES);
    enum status status = postgres_open(&options, &postgres, &error);
    while (status == STATUS_OK && fgets(line, sizeof(line), stdin) != NULL) {
        status = run_line(postgres, line, &pool, &error);
        pool_reset(&pool);
    }
    pool_free(&pool);
    if (status == STATUS_OK)
        return 0;
    fprintf(stderr, "see_incidents: %s %s\n", error.code, error.text);
    return 1;
}
