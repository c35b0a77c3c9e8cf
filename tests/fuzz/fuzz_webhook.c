/*
 * A webhook's body may be signed and still be anything. The first byte chooses the topic.
 * What comes out must be within its bounds, and the body must have been one JSON object.
 */
#include "common/base/check.h"
#include "common/codec/webhook_event.h"
#include "common/codec/webhook_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct error error;

static void look(const struct webhook_body *body, const struct pool *pool)
{
    size_t count = 0;
    char id[WEBHOOK_EVENT_ID_MAX];
    for (const struct webhook_line *line = body->lines; line != NULL; line = line->next) {
        int64_t units = 0;
        enum webhook_rule rule = webhook_judge_line(line, &units);
        ASSERT(rule < WEBHOOK_RULE_COUNT);
        ASSERT(units >= -EVENT_QUANTITY_MAX && units <= EVENT_QUANTITY_MAX);
        webhook_line_event_id(body, line, id);
        count++;
    }
    ASSERT(count == body->line_count);
    if (webhook_judge_level(body) == WEBHOOK_LEVEL_SEEN)
        webhook_level_event_id(body, id);
    ASSERT(pool->taken <= pool->max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct pool pool;
    struct webhook_body body;
    struct span text = {.bytes = (const char *)data + 1, .length = size - 1};
    enum webhook_topic topic = (enum webhook_topic)(data[0] % WEBHOOK_TOPIC_COUNT);
    pool_init(&pool, (size_t)4 << 20);
    enum status status = webhook_json_decode(topic, text, &pool, &body, &error);
    if (status == STATUS_OK)
        look(&body, &pool);
    /* A field that is needed may not stand there twice; one that is not may. */
    ASSERT(status != STATUS_OK || webhook_json_check(text, &error) == STATUS_OK);
    pool_free(&pool);
    return 0;
}
