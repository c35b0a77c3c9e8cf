/*
 * Do producers put all events of a SKU on one partition, that of murmur2 over the normalised
 * SKU? Where one does not, apply sends its events again under the right key; nothing is
 * lost, but the order among them is that of their second arrival.
 */
#include "workers/doctor/doctor.h"

#include "common/base/hash.h"
#include "common/base/scope.h"
#include "common/codec/event_json.h"
#include "common/codec/rfc3339.h"
#include "common/io/kafka_tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORDS_MAX 20000 /* of all partitions together, the newest */
#define RECORDS_LEAST 100 /* of each */
#define READ_WAIT_MS 10000
#define TOPIC_MAX 256
#define SLOTS 65536 /* power of two, more than twice the records of most topics */
#define EXAMPLES 3
#define NAME_SHOWN 48
#define SOURCE_ROOM 440 /* a name of 100 characters, and its number */

/* A SKU that was seen, by its hash; where it was seen first. */
struct seen {
    uint64_t hash; /* 0: free */
    int32_t partition;
    bool is_split; /* it was seen on another partition too */
};

struct example {
    char sku[NAME_SHOWN + 1];
    int32_t partitions[2];
};

struct placement {
    const struct contract *contract;
    struct event_decoder *decoder;
    struct pool pool;
    int64_t looked;
    int64_t misplaced;
    int64_t newest_ms;                       /* of those */
    int64_t by_source[CONTRACT_SOURCES_MAX]; /* those of each source */
    int64_t split;                           /* SKUs on more than one partition */
    struct example examples[EXAMPLES];
    struct seen seen[SLOTS];
};

static void placement_free(struct placement **slot)
{
    if (*slot == NULL)
        return;
    event_decoder_free(&(*slot)->decoder);
    pool_free(&(*slot)->pool);
    free(*slot);
    *slot = NULL;
}

/* The place of a SKU in the table; NULL: it is full. */
static struct seen *seen_of(struct placement *placement, struct span sku)
{
    uint64_t hash = hash_bytes(sku, 0) | 1;
    for (size_t step = 0; step < SLOTS / 2; step++) {
        struct seen *seen = &placement->seen[(hash + step) & (SLOTS - 1)];
        if (seen->hash == hash || seen->hash == 0) {
            seen->hash = hash;
            return seen;
        }
    }
    return NULL;
}

static void note_split(struct placement *placement, const struct event *event,
                       int32_t first, int32_t second)
{
    if (placement->split < EXAMPLES) {
        struct example *example = &placement->examples[placement->split];
        (void)snprintf(example->sku, sizeof(example->sku), "%.*s", SPAN_ARGS(event->sku));
        example->partitions[0] = first;
        example->partitions[1] = second;
    }
    placement->split++;
}

static void look_at(struct placement *placement, const struct kafka_tail_record *record,
                    const struct event *event)
{
    struct seen *seen = seen_of(placement, event->sku);
    bool is_new = seen != NULL && seen->partition < 0;
    placement->looked++;
    if (hash_partition(event->sku, record->partitions) != record->partition) {
        placement->misplaced++;
        if (!event_is_of_shop(event->type))
            placement->by_source[event->source]++;
        if (record->timestamp_ms > placement->newest_ms)
            placement->newest_ms = record->timestamp_ms;
    }
    if (is_new)
        seen->partition = record->partition;
    if (seen == NULL || seen->is_split || seen->partition == record->partition)
        return;
    seen->is_split = true;
    note_split(placement, event, seen->partition, record->partition);
}

/* What is no event of the contract is apply's to refuse, and goes nowhere by its key. */
static void each(void *self, const struct kafka_tail_record *record)
{
    struct placement *placement = self;
    struct event event;
    const struct event_input input = {.contract = placement->contract,
                                      .value = record->value,
                                      .recorded_at_ms = record->timestamp_ms};
    pool_reset(&placement->pool);
    if (event_json_decode(placement->decoder, &input, &placement->pool, &event, NULL) ==
        REASON_NONE)
        look_at(placement, record, &event);
}

static struct placement *placement_new(const struct contract *contract)
{
    struct placement *placement = calloc(1, sizeof(*placement));
    if (placement == NULL)
        return NULL;
    placement->contract = contract;
    pool_init(&placement->pool, (size_t)1024 * 1024);
    for (size_t at = 0; at < SLOTS; at++)
        placement->seen[at].partition = -1;
    placement->decoder = event_decoder_new();
    if (placement->decoder == NULL)
        placement_free(&placement);
    return placement;
}

/* ": AB-1 on 3 and 7, ..". */
static void write_examples(const struct placement *placement, char *room, size_t size)
{
    size_t length = 0;
    for (int64_t at = 0; at < placement->split && at < EXAMPLES; at++) {
        const struct example *example = &placement->examples[at];
        length += (size_t)snprintf(room + length, size - length,
                                   "%s%s on %" PRId32 " and %" PRId32,
                                   at > 0 ? ", " : ": ", example->sku,
                                   example->partitions[0], example->partitions[1]);
    }
}

/* " (erp 12, wms 3)": whose producer it is. */
static void write_sources(const struct placement *placement, char *room, size_t size)
{
    const struct contract *contract = placement->contract;
    size_t length = 0;
    for (size_t at = 0; at < contract->source_count && length + SOURCE_ROOM < size; at++)
        if (placement->by_source[at] > 0)
            length += (size_t)snprintf(
                room + length, size - length, "%s%.*s %" PRId64, length > 0 ? ", " : " (",
                SPAN_ARGS(contract->sources[at].name), placement->by_source[at]);
    if (length > 0)
        (void)snprintf(room + length, size - length, ")");
}

static void say(struct doctor *doctor, const struct placement *placement, bool is_whole)
{
    char names[(size_t)EXAMPLES * 96] = "";
    char sources[3 * SOURCE_ROOM] = "";
    char newest[RFC3339_TEXT_MAX];
    const char *cut = is_whole ? "" : " (not all were read in time)";
    if (placement->misplaced == 0) {
        doctor_say(doctor, "partitions", VERDICT_OK,
                   "the newest %" PRId64 " events lie where murmur2 of their SKU says%s",
                   placement->looked, cut);
        return;
    }
    write_examples(placement, names, sizeof(names));
    write_sources(placement, sources, sizeof(sources));
    rfc3339_format(placement->newest_ms * 1000, newest);
    doctor_say(doctor, "partitions", VERDICT_WARN,
               "%" PRId64 " of the newest %" PRId64
               " events lie on another partition than murmur2 of their normalised SKU "
               "gives%.200s, the last of %s; %" PRId64
               " SKUs lie on two partitions or more%.250s%s",
               placement->misplaced, placement->looked, sources, newest, placement->split,
               names, cut)
        ->remedy =
        "have the producer use the murmur2 partitioner and the normalised SKU as "
        "key (docs/producers.md); until then apply sends its events again, and "
        "their order may be lost";
}

void doctor_check_placement(struct doctor *doctor, int32_t partitions)
{
    SCOPED(placement_free) struct placement *placement = NULL;
    struct error error = {0};
    char topic[TOPIC_MAX];
    bool is_whole = false;
    if (doctor->contract == NULL || partitions <= 0)
        return;
    placement = placement_new(doctor->contract);
    if (placement == NULL)
        return;
    (void)snprintf(topic, sizeof(topic), "%sstock-changes", doctor->config->topic_prefix);
    int64_t records = RECORDS_MAX / partitions;
    const struct kafka_tail tail = {
        .kafka = config_kafka(doctor->config, "parstock-doctor"),
        .topic = topic,
        .records = records > RECORDS_LEAST ? records : RECORDS_LEAST,
        .timeout_ms = READ_WAIT_MS,
        .each = each,
        .self = placement};
    if (kafka_tail_read(&tail, &is_whole, &error) != STATUS_OK)
        doctor_say(doctor, "partitions", VERDICT_WARN, "not looked at: %s", error.text);
    else if (placement->looked > 0)
        say(doctor, placement, is_whole);
}
