#include "workers/packet/packet.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/event_key.h"
#include "common/codec/week_json.h"
#include "common/runtime/contract_file.h"

#include <errno.h>
#include <stdio.h>

#define POOL_BYTES_MAX ((size_t)256 << 20) /* inputs with every place there may be */
#define DECISION_MAX ((size_t)64 << 10)

void packet_loaded_init(struct packet_loaded *loaded)
{
    *loaded = (struct packet_loaded){0};
    pool_init(&loaded->pool, POOL_BYTES_MAX);
}

void packet_loaded_free(struct packet_loaded *loaded)
{
    contract_free(&loaded->contract);
    pool_free(&loaded->pool);
}

int64_t packet_as_of(const struct week_inputs *inputs)
{
    int64_t end = week_day_us(inputs->period.first_day + inputs->period.day_count);
    return inputs->captured_at_us < end ? inputs->captured_at_us : end;
}

/* ---- one file ------------------------------------------------------------------------------ */

static enum status wrong(const char *name, const char *text, struct error *error)
{
    (void)error_set_code(error, STATUS_REJECT, name, "%s: %.*s", name,
                         ERROR_TEXT_MAX - 64, text);
    return error_exit(error, EXIT_DATA);
}

/* What is wrong with a file is told with its name. */
static enum status judged(const char *name, enum status status, const struct error *found,
                          struct error *error)
{
    if (status == STATUS_REJECT || status == STATUS_FATAL)
        return wrong(name, found->text, error);
    if (status != STATUS_OK)
        *error = *found;
    return status;
}

static enum status read_file(const struct dir_read *folder, const char *name,
                             struct buf *bytes, struct error *error)
{
    int code = dir_read_whole(folder, name, bytes);
    if (code == 0)
        return STATUS_OK;
    return wrong(name,
                 code == EINVAL || code == ELOOP ? "is no plain file" : strerror(code),
                 error);
}

/* ---- the files ------------------------------------------------------------------------------- */

static enum status load_week(const struct dir_read *folder, struct packet_loaded *loaded,
                             struct error *error)
{
    const char *name = packet_source_name(PACKET_WEEK);
    SCOPED(buf_free) struct buf bytes;
    struct error found = {0};
    buf_init(&bytes, WEEK_JSON_MAX);
    enum status status = read_file(folder, name, &bytes, error);
    if (status != STATUS_OK)
        return status;
    status = week_json_inputs_decode(buf_view(&bytes), &loaded->pool,
                                     &loaded->data.inputs, &found);
    if (status != STATUS_OK)
        return judged(name, status, &found, error);
    char as_is[WEEK_DIGEST_MAX];
    digest_sha256_hex(buf_view(&bytes), as_is);
    if (!week_json_inputs_digest(&loaded->data.inputs, loaded->data.inputs_digest))
        return error_set(error, STATUS_RETRY, "out of memory");
    if (strcmp(as_is, loaded->data.inputs_digest) != 0)
        return wrong(name, "is not in its canonical form", error);
    loaded->data.as_of_us = packet_as_of(&loaded->data.inputs);
    return STATUS_OK;
}

static enum status load_decision(const struct dir_read *folder,
                                 struct packet_loaded *loaded, struct error *error)
{
    const char *name = packet_source_name(PACKET_DECISION);
    SCOPED(buf_free) struct buf bytes;
    struct error found = {0};
    char as_is[WEEK_DIGEST_MAX];
    buf_init(&bytes, DECISION_MAX);
    if (dir_read_whole(folder, name, &bytes) == ENOENT)
        return STATUS_OK; /* not decided */
    buf_clear(&bytes);
    enum status status = read_file(folder, name, &bytes, error);
    if (status != STATUS_OK)
        return status;
    status = week_json_decision_decode(buf_view(&bytes), &loaded->pool,
                                       &loaded->data.decision, &found);
    if (status != STATUS_OK)
        return judged(name, status, &found, error);
    digest_sha256_hex(buf_view(&bytes), as_is);
    if (!week_json_decision_digest(&loaded->data.decision, loaded->decision_digest))
        return error_set(error, STATUS_RETRY, "out of memory");
    if (strcmp(as_is, loaded->decision_digest) != 0)
        return wrong(name, "is not in its canonical form", error);
    loaded->data.is_decided = true;
    return STATUS_OK;
}

static enum status load_contract(const struct dir_read *folder,
                                 struct packet_loaded *loaded, struct error *error)
{
    const char *name = packet_source_name(PACKET_CONTRACT);
    SCOPED(buf_free) struct buf bytes;
    struct error found = {0};
    buf_init(&bytes, CONTRACT_FILE_MAX);
    enum status status = read_file(folder, name, &bytes, error);
    if (status != STATUS_OK)
        return status;
    status = contract_decode(buf_view(&bytes), &loaded->contract, &found);
    loaded->data.contract = loaded->contract;
    return judged(name, status, &found, error);
}

static enum status load_entries(const struct dir_read *folder,
                                struct packet_loaded *loaded, struct error *error)
{
    for (size_t at = 0; at < PACKET_SOURCE_COUNT; at++) {
        const char *name = packet_source_name((enum packet_source)at);
        int code = dir_read_entry(folder, name, &loaded->data.sources[at]);
        if (code == 0)
            continue;
        loaded->data.sources[at] = (struct dir_entry){0};
        if (at != PACKET_DECISION || code != ENOENT)
            return wrong(name, strerror(code), error);
    }
    return STATUS_OK;
}

enum status packet_load(const struct dir_read *folder, struct packet_loaded *loaded,
                        struct error *error)
{
    loaded->data.folder = folder;
    enum status status = load_week(folder, loaded, error);
    if (status == STATUS_OK)
        status = load_decision(folder, loaded, error);
    if (status == STATUS_OK)
        status = load_contract(folder, loaded, error);
    return status == STATUS_OK ? load_entries(folder, loaded, error) : status;
}

enum status packet_summarize(const struct packet_loaded *loaded,
                             struct packet_summary *summary, struct error *error)
{
    const struct packet_data *data = &loaded->data;
    const struct week_decision *decision = &data->decision;
    struct packet_manifest *manifest = &summary->manifest;
    enum status status = packet_drawing(summary->drawing, error);
    if (status != STATUS_OK)
        return status;
    week_name(data->inputs.period.first_day, summary->week);
    *manifest = (struct packet_manifest){.format = PACKET_FORMAT,
                                         .drawing = span_from(summary->drawing),
                                         .week = span_from(summary->week),
                                         .as_of_us = data->as_of_us,
                                         .inputs = span_from(data->inputs_digest),
                                         .contract = span_from(data->contract->digest)};
    if (!data->is_decided)
        return STATUS_OK;
    manifest->verdict = span_from(week_verdict_name(decision->verdict));
    manifest->rule = decision->rule;
    manifest->decision = span_from(loaded->decision_digest);
    return STATUS_OK;
}
