#include "workers/doctor/doctor.h"

#include "common/base/scope.h"
#include "common/io/store_clock.h"
#include "common/io/store_migrate.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "common/runtime/life.h"
#include "common/runtime/topic_table.h"

#include <inttypes.h>

#define KAFKA_WAIT_MS 10000
#define STATEMENT_WAIT_MS 10000
#define SKEW_WARN_US 2000000
/* Events dated more than 5 minutes ahead are refused; a clock this wrong is on its way. */
#define SKEW_FAIL_US 60000000

void doctor_check_contract(struct doctor *doctor)
{
    struct error error = {0};
    const char *path = doctor->config->contract_path;
    if (path == NULL) {
        doctor_say(doctor, "contract", VERDICT_FAIL, "PARSTOCK_CONTRACT is not set")
            ->remedy = "write a contract file and name it there";
        return;
    }
    if (contract_file_load(path, &doctor->contract_text, &doctor->contract, &error) !=
        STATUS_OK) {
        (void)doctor_error(doctor, "contract", &error);
        return;
    }
    doctor_say(doctor, "contract", VERDICT_OK,
               "%.200s: %zu sources, %zu locations, %zu shops, digest %.12s", path,
               doctor->contract->source_count, doctor->contract->location_count,
               doctor->contract->shop_count, doctor->contract->digest);
}

/* ---- Kafka ------------------------------------------------------------------------------ */

static void check_topic(struct doctor *doctor, const struct topic_table *table,
                        size_t index, const struct kafka_topic *found)
{
    struct topic_difference differences[TOPIC_DIFFERENCES_MAX];
    size_t count = topic_compare(table, index, found, differences);
    for (size_t i = 0; i < count; i++) {
        bool missing = found->partitions == 0;
        struct finding *finding =
            doctor_say(doctor, "topics", missing ? VERDICT_FAIL : VERDICT_WARN,
                       "%s: %s is %s, declared is %s", found->name, differences[i].what,
                       differences[i].found, differences[i].declared);
        finding->remedy = missing ? "run 'parstock topics ensure'"
                                  : "set PARSTOCK_TOPIC_PARTITIONS to what there is, or "
                                    "change the topic's setting; a partition count can't "
                                    "be changed without moving SKUs";
    }
    if (count == 0)
        doctor_say(doctor, "topics", found->usable ? VERDICT_OK : VERDICT_FAIL,
                   "%s: %" PRId32 " partitions%s", found->name, found->partitions,
                   found->usable ? "" : ", not each of them with a leader");
}

static enum status topics_look(struct doctor *doctor, struct kafka_admin *admin,
                               struct kafka_topic *found, struct error *error)
{
    enum status status =
        kafka_admin_topics(admin, found, TOPIC_COUNT, KAFKA_WAIT_MS, error);
    if (status != STATUS_OK)
        return status;
    doctor_say(doctor, "kafka", VERDICT_OK, "brokers answer (%.200s)",
               doctor->config->kafka_brokers);
    if (kafka_admin_policies(admin, found, TOPIC_COUNT, KAFKA_WAIT_MS, error) !=
        STATUS_OK)
        doctor_say(doctor, "topics", VERDICT_WARN, "cleanup.policy is unknown: %s",
                   error->text);
    return STATUS_OK;
}

/* 0: there is no topic whose name ends so. */
static int32_t partitions_of(const struct kafka_topic *found, const char *suffix)
{
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        size_t length = strlen(found[i].name);
        if (length >= strlen(suffix) &&
            strcmp(found[i].name + length - strlen(suffix), suffix) == 0)
            return found[i].partitions;
    }
    return 0;
}

static enum status check_topics(struct doctor *doctor, struct error *error)
{
    struct topic_table table;
    struct kafka_topic found[TOPIC_COUNT] = {0};
    SCOPED(kafka_admin_close) struct kafka_admin *admin = NULL;
    struct kafka_options options = config_kafka(doctor->config, "parstock-doctor");
    topic_table_fill(doctor->config, &table);
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        found[i].name = table.topics[i].name;
    enum status status = kafka_admin_open(&options, &admin, error);
    if (status == STATUS_OK)
        status = topics_look(doctor, admin, found, error);
    for (size_t i = 0; i < TOPIC_COUNT && status == STATUS_OK; i++)
        check_topic(doctor, &table, i, &found[i]);
    if (status == STATUS_OK)
        doctor_check_placement(doctor, partitions_of(found, "stock-changes"));
    return status;
}

void doctor_check_kafka(struct doctor *doctor)
{
    struct error error = {0};
    if (doctor->config->kafka_brokers == NULL) {
        doctor_say(doctor, "kafka", VERDICT_FAIL, "PARSTOCK_KAFKA_BROKERS is not set")
            ->remedy = "name the bootstrap servers there";
        return;
    }
    if (check_topics(doctor, &error) != STATUS_OK)
        (void)doctor_error(doctor, "kafka", &error);
}

/* ---- Postgres --------------------------------------------------------------------------- */

static enum status check_schema(struct doctor *doctor, struct postgres *postgres,
                                struct error *error)
{
    int64_t version = 0;
    int64_t newest = store_migrate_newest();
    enum status status = store_schema_version(postgres, &version, error);
    if (status != STATUS_OK)
        return status;
    struct finding *finding =
        doctor_say(doctor, "schema", version == newest ? VERDICT_OK : VERDICT_FAIL,
                   "%s is at version %" PRId64 ", this program's is %" PRId64,
                   doctor->config->schema, version, newest);
    if (version < newest)
        finding->remedy = "run 'parstock migrate'";
    if (version > newest)
        finding->remedy = "the database is newer: use the newer parstock";
    return STATUS_OK;
}

static enum status check_clock(struct doctor *doctor, struct postgres *postgres,
                               struct error *error)
{
    int64_t there_us = 0;
    int64_t before_us = clock_now_us();
    enum status status = store_clock_us(postgres, &there_us, error);
    if (status != STATUS_OK)
        return status;
    /* The server answered somewhere between the two looks at our own clock. */
    int64_t here_us = before_us + (clock_now_us() - before_us) / 2;
    int64_t skew_us = here_us > there_us ? here_us - there_us : there_us - here_us;
    enum verdict verdict = skew_us > SKEW_FAIL_US   ? VERDICT_FAIL
                           : skew_us > SKEW_WARN_US ? VERDICT_WARN
                                                    : VERDICT_OK;
    struct finding *finding =
        doctor_say(doctor, "clock", verdict, "%" PRId64 " ms %s Postgres' clock",
                   skew_us / 1000, here_us > there_us ? "ahead of" : "behind");
    if (verdict != VERDICT_OK)
        finding->remedy =
            "let NTP set the clock of this machine and of the database server";
    return STATUS_OK;
}

static enum status check_database(struct doctor *doctor, struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(doctor->config, "parstock doctor", STATEMENT_WAIT_MS);
    enum status status = postgres_open(&options, &postgres, error);
    if (status != STATUS_OK)
        return status;
    doctor_say(doctor, "postgres", VERDICT_OK, "the database answers");
    status = check_clock(doctor, postgres, error);
    if (status == STATUS_OK)
        status = check_schema(doctor, postgres, error);
    return status;
}

void doctor_check_postgres(struct doctor *doctor)
{
    struct error error = {0};
    if (doctor->config->postgres == NULL) {
        doctor_say(doctor, "postgres", VERDICT_FAIL,
                   "PARSTOCK_POSTGRES is not set, nor its _FILE")
            ->remedy = "give the connection string there";
        return;
    }
    if (check_database(doctor, &error) != STATUS_OK)
        (void)doctor_error(doctor, "postgres", &error);
}
