/*
 * The body of a post on any bytes; the first one says what the headers say. What is taken is
 * made of events that the decoder takes, each under its own SKU; what is refused is named; and
 * a body that jansson reads is cut as jansson would.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "workers/gateway/post.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS 1795608000000

static const char CONTRACT[] =
    "{\"version\":1,\"sources\":[{\"name\":\"wms\",\"rank\":1,\"state\":\"on_hand\","
    "\"locations\":[\"BER\"]},{\"name\":\"erp\",\"rank\":2,\"state\":\"on_hand\"}],"
    "\"locations\":[{\"code\":\"BER\"},{\"code\":\"HAM\"}],\"shops\":[{\"name\":"
    "\"demo\",\"endpoint\":\"https://demo.example/\",\"mode\":\"on_hand\",\"locations\":"
    "{\"BER\":\"gid://shopify/Location/1\"}}]}";

static struct contract *contract;
static struct post_judge *judge;
static struct event_decoder *decoder;
static struct pool pool;

static void set_up(void)
{
    struct error error;
    if (contract != NULL)
        return;
    ASSERT(contract_decode(span_from(CONTRACT), &contract, &error) == STATUS_OK);
    judge = post_judge_new(contract);
    decoder = event_decoder_new();
    ASSERT(judge != NULL && decoder != NULL);
    pool_init(&pool, (size_t)1 << 20);
}

static void check_taken(const struct post_input *input, const struct post *post)
{
    struct post_walk walk = post_walk(input, post);
    struct span sku;
    struct span value;
    size_t count = 0;
    for (; post_walk_next(&walk, &sku, &value); count++) {
        struct event event;
        const struct event_input one = {.contract = contract,
                                        .value = value,
                                        .recorded_at_ms = input->now_ms,
                                        .cloud = input->has_cloud ? &input->cloud : NULL};
        pool_reset(&pool);
        ASSERT(event_json_decode(decoder, &one, &pool, &event, NULL) == REASON_NONE);
        ASSERT(span_equal(event.sku, sku) && event.source == input->source);
        ASSERT(!event_is_of_shop(event.type) && event.location == 0);
    }
    ASSERT(count == post->count && walk.skus.length == 0);
}

/* Errors are JSON, one a bad event, in order. */
static void check_refused(const struct post *post)
{
    SCOPED(buf_free) struct buf body;
    json_error_t fault;
    buf_init(&body, (size_t)16 << 20);
    post_problem(post, &body);
    ASSERT(!body.failed);
    json_t *root = json_loadb(body.bytes, body.length, JSON_REJECT_DUPLICATES, &fault);
    ASSERT(root != NULL &&
           json_integer_value(json_object_get(root, "status")) == post->status);
    json_t *errors = json_object_get(root, "errors");
    ASSERT((errors == NULL) == (post->detail != NULL));
    json_int_t line = 0;
    for (size_t at = 0; errors != NULL && at < json_array_size(errors); at++) {
        json_int_t next =
            json_integer_value(json_object_get(json_array_get(errors, at), "line"));
        ASSERT(next > line);
        line = next;
    }
    ASSERT(errors == NULL || json_array_size(errors) == post->faulty);
    json_decref(root);
}

static void compare(const struct post_input *input, const struct post *post)
{
    json_error_t fault;
    if (input->as_lines || post->count > POST_EVENTS_MAX ||
        memchr(input->body.bytes, 0, input->body.length) != NULL)
        return;
    json_t *root = json_loadb(input->body.bytes, input->body.length,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    if (root == NULL)
        return;
    ASSERT(post->count == (json_is_array(root) ? json_array_size(root) : 1));
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    set_up();
    if (size == 0)
        return 0;
    struct post_input input = {.body = {(const char *)data + 1, size - 1},
                               .source = 0,
                               .now_ms = NOW_MS,
                               .as_lines = (data[0] & 1) != 0};
    if ((data[0] & 2) != 0) {
        input.has_cloud = true;
        input.cloud.structured = (data[0] & 4) != 0;
        if (!input.cloud.structured)
            input.cloud.source = SPAN_OF("wms");
    }
    struct post post;
    post_read(judge, &input, &post);
    compare(&input, &post);
    if (post.status == 202)
        check_taken(&input, &post);
    else
        check_refused(&post);
    ASSERT(post.faulty <= post.count && post.others <= post.faulty);
    post_free(&post);
    return 0;
}
