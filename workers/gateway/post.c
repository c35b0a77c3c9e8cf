#include "workers/gateway/post.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/http_answer.h"
#include "common/codec/json_text.h"

#include <stdio.h>
#include <stdlib.h>

#define POOL_MAX ((size_t)1024 * 1024)
#define SKUS_MAX ((size_t)64 * 1024 * 1024)
#define ERRORS_MAX ((size_t)12 * 1024 * 1024)
#define DETAILED_MAX 1000 /* beyond, a bad event is named by line and code alone */

struct post_judge {
    const struct contract *contract;
    struct contract open; /* the same with every source heard at every location */
    struct source sources[CONTRACT_SOURCES_MAX];
    struct event_decoder *decoder;
    struct pool pool;
};

struct post_judge *post_judge_new(const struct contract *contract)
{
    struct post_judge *judge = calloc(1, sizeof(*judge));
    if (judge == NULL)
        return NULL;
    ASSERT(contract->source_count <= CONTRACT_SOURCES_MAX);
    judge->contract = contract;
    judge->open = *contract;
    judge->open.sources = judge->sources;
    for (size_t at = 0; at < contract->source_count; at++) {
        judge->sources[at] = contract->sources[at];
        judge->sources[at].speaks = NULL;
    }
    pool_init(&judge->pool, POOL_MAX);
    judge->decoder = event_decoder_new();
    if (judge->decoder != NULL)
        return judge;
    free(judge);
    return NULL;
}

void post_judge_free(struct post_judge **slot)
{
    struct post_judge *judge = TAKE(*slot);
    if (judge == NULL)
        return;
    event_decoder_free(&judge->decoder);
    pool_free(&judge->pool);
    free(judge);
}

/* ---- one event ---------------------------------------------------------------------------- */

enum owner_fault { FAULT_NONE, FAULT_SOURCE, FAULT_LOCATION };

struct verdict {
    enum reason reason;
    enum owner_fault others; /* well formed, but not for this source to say */
    char detail[EVENT_DETAIL_MAX];
    struct event event;
};

static enum reason decode(struct post_judge *judge, const struct contract *contract,
                          const struct post_input *input, struct span value,
                          struct verdict *verdict)
{
    const struct event_input event = {.contract = contract,
                                      .value = value,
                                      .recorded_at_ms = input->now_ms,
                                      .cloud = input->has_cloud ? &input->cloud : NULL};
    pool_reset(&judge->pool);
    return event_json_decode(judge->decoder, &event, &judge->pool, &verdict->event,
                             verdict->detail);
}

static bool is_own(const struct post_input *input, const struct event *event)
{
    return !event_is_of_shop(event->type) && event->source == input->source;
}

static void judge_event(struct post_judge *judge, const struct post_input *input,
                        struct span value, struct verdict *verdict)
{
    verdict->others = FAULT_NONE;
    verdict->reason = decode(judge, judge->contract, input, value, verdict);
    /* a value that stands between two commas, and is no tombstone */
    if (verdict->reason == REASON_EMPTY_VALUE)
        verdict->reason = REASON_NOT_JSON;
    if (verdict->reason == REASON_NONE && !is_own(input, &verdict->event))
        verdict->others = FAULT_SOURCE;
    struct verdict anywhere;
    if (verdict->reason == REASON_UNKNOWN_LOCATION &&
        decode(judge, &judge->open, input, value, &anywhere) == REASON_NONE)
        verdict->others = is_own(input, &anywhere.event) ? FAULT_LOCATION : FAULT_SOURCE;
}

/* ---- the list of faults -------------------------------------------------------------------- */

struct others_text {
    const char *code;
    const char *detail;
};

static const struct others_text OTHERS[] = {
    [FAULT_SOURCE] = {"not_yours", "source: this token speaks for another one"},
    [FAULT_LOCATION] = {"unknown_location",
                        "location: the contract file does not give it to this source"},
};

static void add_fault(struct post *post, size_t line, const struct verdict *verdict)
{
    struct buf *out = &post->errors;
    const struct others_text *others =
        verdict->others != FAULT_NONE ? &OTHERS[verdict->others] : NULL;
    const char *code = others != NULL ? others->code : reason_code(verdict->reason);
    char detail[EVENT_DETAIL_MAX + 160];
    (void)snprintf(detail, sizeof(detail), "%s%s%s", verdict->detail,
                   verdict->detail[0] != '\0' ? ": " : "",
                   reason_remedy(verdict->reason));
    post->others += others != NULL ? 1 : 0;
    post->too_large = post->too_large || verdict->reason == REASON_TOO_LARGE;
    if (post->faulty++ > 0)
        buf_byte(out, ',');
    buf_text(out, "{\"line\":");
    buf_number(out, (int64_t)line);
    buf_format(out, ",\"code\":\"%s\"", code);
    if (post->faulty <= DETAILED_MAX)
        json_member_text(out, "detail",
                         span_from(others != NULL ? others->detail : detail));
    buf_byte(out, '}');
}

static void add_good(struct post *post, struct span sku)
{
    ASSERT(sku.length <= UINT16_MAX);
    buf_be16(&post->skus, (uint16_t)sku.length);
    buf_span(&post->skus, sku);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void take_slice(struct post_judge *judge, const struct post_input *input,
                       const struct event_slice *slice, struct post *post)
{
    struct verdict verdict = {.reason = REASON_NOT_JSON};
    if (!slice->stray)
        judge_event(judge, input, slice->value, &verdict);
    if (verdict.reason != REASON_NONE || verdict.others != FAULT_NONE)
        add_fault(post, slice->line, &verdict);
    else if (post->faulty == 0)
        add_good(post, verdict.event.sku);
}

static void end_with(struct post *post, int status, const char *detail)
{
    post->status = status;
    post->detail = detail;
}

static bool is_binary(const struct post_input *input)
{
    return input->has_cloud && !input->cloud.structured;
}

static void conclude(const struct post_input *input, enum slices_form form,
                     struct post *post)
{
    if (post->errors.failed || post->skus.failed)
        end_with(post, 503, "no memory for this post at this moment");
    else if (post->count > POST_EVENTS_MAX)
        end_with(post, 413, "more than 99999 events in one post");
    else if (post->count == 0 && form != SLICES_ARRAY)
        end_with(post, 400, "there is no event in the body");
    else if (post->count > 1 && is_binary(input))
        end_with(post, 400, "ce-* headers speak of one event, and there are several");
    else if (post->too_large)
        post->status = 413;
    else if (post->faulty > 0)
        post->status = post->faulty == post->others ? 403 : 400;
}

void post_read(struct post_judge *judge, const struct post_input *input,
               struct post *post)
{
    struct event_slices slices;
    struct event_slice slice;
    *post = (struct post){.status = 202};
    buf_init(&post->skus, SKUS_MAX);
    buf_init(&post->errors, ERRORS_MAX);
    event_slices_begin(&slices, input->body, input->as_lines);
    while (post->count <= POST_EVENTS_MAX && event_slices_next(&slices, &slice)) {
        post->count++;
        if (post->count <= POST_EVENTS_MAX)
            take_slice(judge, input, &slice, post);
    }
    conclude(input, slices.form, post);
}

void post_free(struct post *post)
{
    buf_free(&post->skus);
    buf_free(&post->errors);
}

void post_problem(const struct post *post, struct buf *out)
{
    char detail[160];
    (void)snprintf(detail, sizeof(detail),
                   "%zu of %zu events are refused; nothing of this post was published",
                   post->faulty, post->count);
    http_problem_begin(out, post->status, post->detail != NULL ? post->detail : detail);
    if (post->detail == NULL) {
        buf_text(out, ",\"errors\":[");
        buf_span(out, buf_view(&post->errors));
        buf_byte(out, ']');
    }
    http_problem_end(out);
}

/* ---- the good ones -------------------------------------------------------------------------- */

struct post_walk post_walk(const struct post_input *input, const struct post *post)
{
    struct post_walk walk = {.skus = buf_view(&post->skus)};
    event_slices_begin(&walk.slices, input->body, input->as_lines);
    return walk;
}

bool post_walk_next(struct post_walk *walk, struct span *sku_out, struct span *value_out)
{
    struct event_slice slice;
    uint16_t swapped;
    if (!event_slices_next(&walk->slices, &slice))
        return false;
    ASSERT(!slice.stray && walk->skus.length >= sizeof(swapped));
    memcpy(&swapped, walk->skus.bytes, sizeof(swapped));
    size_t length = __builtin_bswap16(swapped);
    ASSERT(walk->skus.length - sizeof(swapped) >= length);
    *sku_out = (struct span){walk->skus.bytes + sizeof(swapped), length};
    *value_out = slice.value;
    walk->skus.bytes += sizeof(swapped) + length;
    walk->skus.length -= sizeof(swapped) + length;
    return true;
}
