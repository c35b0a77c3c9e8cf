/*
 * Makes a packet: data files from the database, all of one moment; then page and tables from
 * those files; then the manifest; then the folder is put in its place.
 */
#include "workers/packet/packet.h"

#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/event_key.h"
#include "common/codec/json_text.h"
#include "common/codec/week_json.h"
#include "common/io/store_clock.h"
#include "common/io/store_packet.h"
#include "common/io/store_week.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"

#include <stdio.h>

#define POOL_BYTES_MAX ((size_t)256 << 20)
#define MANIFEST_BYTES_MAX ((size_t)1024 * 1024)
#define DECISION_BYTES_MAX ((size_t)64 << 10)
#define PATH_BYTES_MAX 64

struct making {
    const struct packet_flags *flags;
    enum output output;
    struct postgres *postgres;
    struct dir_write *dir;
    struct pool pool;
    struct buf contract_text;
    struct contract *contract;
    int32_t monday;
    char path[PATH_BYTES_MAX];     /* where --out says nothing */
    struct week_decision decision; /* number 0 = not decided */
    struct week_inputs inputs;
    struct span inputs_bytes;
    char manifest_digest[WEEK_DIGEST_MAX];
};

static void making_free(struct making *making)
{
    dir_write_close(&making->dir);
    postgres_close(&making->postgres);
    contract_free(&making->contract);
    buf_free(&making->contract_text);
    pool_free(&making->pool);
}

static enum status no_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "packet: out of memory");
}

/* ---- which week ---------------------------------------------------------------------------- */

/* The last one that is over, where none is named. */
static enum status take_week(struct making *making, const char *week, struct error *error)
{
    int64_t now_us = 0;
    char name[WEEK_NAME_MAX];
    enum status status = STATUS_OK;
    if (week == NULL) {
        status = store_clock_us(making->postgres, &now_us, error);
        making->monday = week_monday(week_day(now_us)) - WEEK_DAYS;
    } else if (!week_parse(span_from(week), &making->monday)) {
        (void)error_set(error, STATUS_REJECT,
                        "%.40s is no week; use one such as 2026-W48, or a day of it",
                        week);
        return error_exit(error, EXIT_USAGE);
    }
    week_name(making->monday, name);
    (void)snprintf(making->path, sizeof making->path, "packet-%s", name);
    return status;
}

static const char *path_of(const struct making *making)
{
    return making->flags->out != NULL ? making->flags->out : making->path;
}

/* ---- the week's inputs ------------------------------------------------------------------------ */

static enum status check_contract(const struct making *making, struct error *error)
{
    if (span_is(making->decision.contract, making->contract->digest))
        return STATUS_OK;
    (void)error_set(
        error, STATUS_FATAL,
        "the week was decided by the contract file with the SHA-256 %.*s, this "
        "one has %s; give that one with --contract",
        SPAN_ARGS(making->decision.contract), making->contract->digest);
    return error_exit(error, EXIT_CONFIG);
}

/* What was decided on, as it was: later changes of the tables are not in it. */
static enum status take_decided(struct making *making, struct error *error)
{
    enum status status = check_contract(making, error);
    if (status == STATUS_OK)
        status = store_week_decided_inputs(making->postgres, &making->decision,
                                           &making->pool, &making->inputs_bytes, error);
    if (status == STATUS_OK)
        status = week_json_inputs_decode(making->inputs_bytes, &making->pool,
                                         &making->inputs, error);
    return status;
}

/* As the tables have it. A week that is over is told as of its end, so that it is the same
 * packet whenever it is made. */
static enum status take_undecided(struct making *making, struct error *error)
{
    SCOPED(buf_free) struct buf bytes;
    const struct week_question question = {.contract = making->contract,
                                           .monday = making->monday};
    buf_init(&bytes, WEEK_JSON_MAX);
    enum status status = store_week_inputs(making->postgres, &question, &making->pool,
                                           &making->inputs, error);
    if (status != STATUS_OK)
        return status;
    making->inputs.captured_at_us = packet_as_of(&making->inputs);
    week_json_inputs(&making->inputs, &bytes);
    making->inputs_bytes = pool_buf(&making->pool, &bytes);
    return making->inputs_bytes.bytes != NULL ? STATUS_OK : no_memory(error);
}

static enum status take_inputs(struct making *making, struct error *error)
{
    enum status status = store_week_decision(making->postgres, making->monday,
                                             &making->pool, &making->decision, error);
    if (status != STATUS_OK)
        return status;
    return making->decision.number > 0 ? take_decided(making, error)
                                       : take_undecided(making, error);
}

/* ---- data files ---------------------------------------------------------------------------- */

static enum status write_bytes(struct making *making, const char *name, struct span bytes,
                               struct error *error)
{
    struct dir_file *file = dir_write_file(making->dir, name);
    if (file != NULL) {
        const struct sink sink = dir_file_sink(file);
        sink_take(&sink, bytes);
    }
    return dir_file_close(making->dir, file, error);
}

static enum status write_decision(struct making *making, struct error *error)
{
    SCOPED(buf_free) struct buf bytes;
    if (making->decision.number == 0)
        return STATUS_OK;
    buf_init(&bytes, DECISION_BYTES_MAX);
    week_json_decision(&making->decision, &bytes);
    if (bytes.failed)
        return no_memory(error);
    return write_bytes(making, packet_source_name(PACKET_DECISION), buf_view(&bytes),
                       error);
}

struct log_file {
    struct sink sink;
    struct buf line;
};

static enum status hand_on(struct log_file *log, struct error *error)
{
    if (log->line.failed)
        return error_set(error, STATUS_FATAL, "a row of a log is longer than %zu bytes",
                         PACKET_LINE_MAX);
    sink_take(&log->sink, buf_view(&log->line));
    return STATUS_OK;
}

static enum status write_incident(void *self, const struct packet_incident *incident,
                                  struct error *error)
{
    struct log_file *log = self;
    buf_clear(&log->line);
    packet_incident_encode(incident, &log->line);
    return hand_on(log, error);
}

static enum status write_spot_check(void *self, const struct packet_spot_check *check,
                                    struct error *error)
{
    struct log_file *log = self;
    buf_clear(&log->line);
    packet_spot_check_encode(check, &log->line);
    return hand_on(log, error);
}

static enum status write_log(struct making *making, enum packet_source source,
                             struct error *error)
{
    const struct packet_span span = {.from_us = week_day_us(making->monday),
                                     .to_us = packet_as_of(&making->inputs)};
    struct dir_file *file = dir_write_file(making->dir, packet_source_name(source));
    if (file == NULL)
        return dir_file_close(making->dir, NULL, error);
    struct log_file log = {.sink = dir_file_sink(file)};
    buf_init(&log.line, PACKET_LINE_MAX);
    const struct packet_incident_visitor incidents = {write_incident, &log};
    const struct packet_spot_check_visitor checks = {write_spot_check, &log};
    enum status status =
        source == PACKET_INCIDENTS
            ? store_packet_incidents(making->postgres, &span, &incidents, error)
            : store_packet_spot_checks(making->postgres, &span, &checks, error);
    buf_free(&log.line);
    return status == STATUS_OK ? dir_file_close(making->dir, file, error) : status;
}

static enum status write_data(struct making *making, struct error *error)
{
    enum status status =
        write_bytes(making, packet_source_name(PACKET_WEEK), making->inputs_bytes, error);
    if (status == STATUS_OK)
        status = write_bytes(making, packet_source_name(PACKET_CONTRACT),
                             buf_view(&making->contract_text), error);
    if (status == STATUS_OK)
        status = write_decision(making, error);
    if (status == STATUS_OK)
        status = write_log(making, PACKET_INCIDENTS, error);
    if (status == STATUS_OK)
        status = write_log(making, PACKET_SPOT_CHECKS, error);
    return status;
}

/* ---- what came of it -------------------------------------------------------------------------- */

static int64_t bytes_of(const struct making *making)
{
    const struct dir_entry *entries;
    size_t count = dir_write_entries(making->dir, &entries);
    int64_t sum = 0;
    for (size_t at = 0; at < count; at++)
        sum += entries[at].bytes;
    return sum;
}

static void print_table(const struct making *making, const char *verdict)
{
    const struct dir_entry *entries;
    size_t count = dir_write_entries(making->dir, &entries);
    bool is_dry = making->flags->dry_run;
    for (size_t at = 0; is_dry && at < count; at++)
        printf("%10lld  %s\n", (long long)entries[at].bytes, entries[at].name);
    printf("%s %s: %zu files, %lld bytes\n", is_dry ? "would write" : "wrote",
           path_of(making), count, (long long)bytes_of(making));
    printf("verdict   %s\n", verdict != NULL ? verdict : "not decided yet");
    if (making->decision.number > 0)
        printf("rule      %.*s\n", SPAN_ARGS(making->decision.rule));
    printf("manifest  %s\n", making->manifest_digest);
    if (!is_dry)
        printf("check it: parstock packet verify %s\n", path_of(making));
}

static enum status print_json(const struct making *making, const char *verdict,
                              struct error *error)
{
    SCOPED(buf_free) struct buf out;
    char week[WEEK_NAME_MAX];
    char inputs[WEEK_DIGEST_MAX];
    const struct dir_entry *entries;
    const struct span none = {0};
    bool is_decided = making->decision.number > 0;
    week_name(making->monday, week);
    digest_sha256_hex(making->inputs_bytes, inputs);
    buf_init(&out, MANIFEST_BYTES_MAX);
    buf_byte(&out, '{');
    json_member_text_lossy(&out, "path", span_from(path_of(making)));
    json_name(&out, "dry_run");
    buf_text(&out, making->flags->dry_run ? "true" : "false");
    json_member_text(&out, "week", span_from(week));
    json_member_time(&out, "as_of", packet_as_of(&making->inputs));
    json_member_text(&out, "verdict", span_from(verdict));
    json_member_text(&out, "rule", is_decided ? making->decision.rule : none);
    json_member_text(&out, "inputs", span_from(inputs));
    json_member_text(&out, "contract", span_from(making->contract->digest));
    json_member_text(&out, "manifest", span_from(making->manifest_digest));
    json_member_number(&out, "files", (int64_t)dir_write_entries(making->dir, &entries));
    json_member_number(&out, "bytes", bytes_of(making));
    buf_byte(&out, '}');
    if (out.failed)
        return no_memory(error);
    puts(out.bytes);
    return STATUS_OK;
}

static enum status print_made(const struct making *making, struct error *error)
{
    const char *verdict =
        making->decision.number > 0 ? week_verdict_name(making->decision.verdict) : NULL;
    if (making->output != OUTPUT_TABLE)
        return print_json(making, verdict, error);
    print_table(making, verdict);
    return STATUS_OK;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static enum status gather(struct making *making, const char *week, struct error *error)
{
    enum status status = postgres_script(
        making->postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", error);
    if (status == STATUS_OK)
        status = take_week(making, week, error);
    if (status == STATUS_OK)
        status = take_inputs(making, error);
    if (status == STATUS_OK)
        status = dir_write_open(path_of(making), &making->dir, error);
    if (status == STATUS_OK)
        status = write_data(making, error);
    if (status == STATUS_OK)
        status = postgres_script(making->postgres, "COMMIT", error);
    return status;
}

static enum status open_all(const struct config *config, struct making *making,
                            struct error *error)
{
    const struct postgres_options options =
        database_options(config, "parstock packet", 0);
    enum status status = contract_file_load(config->contract_path, &making->contract_text,
                                            &making->contract, error);
    return status == STATUS_OK ? postgres_open(&options, &making->postgres, error)
                               : status;
}

enum status packet_make(const struct config *config, const struct packet_flags *flags,
                        const char *week, enum output output, struct error *error)
{
    SCOPED(making_free) struct making making = {.flags = flags, .output = output};
    pool_init(&making.pool, POOL_BYTES_MAX);
    enum status status = open_all(config, &making, error);
    if (status == STATUS_OK)
        status = gather(&making, week, error);
    if (status == STATUS_OK)
        status = packet_seal(making.dir, making.manifest_digest, error);
    if (status == STATUS_OK && !flags->dry_run)
        status = dir_write_commit(making.dir, flags->force, PACKET_MANIFEST, error);
    return status == STATUS_OK ? print_made(&making, error) : status;
}
