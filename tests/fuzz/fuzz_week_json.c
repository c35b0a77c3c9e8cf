/* Inputs, baselines and decisions on any bytes: what is taken can be written again, comes
 * back the same, and has a verdict; what is refused says why. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/week_json.h"
#include "common/domain/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX ((size_t)4 << 20)

static void on_inputs(struct span text, struct pool *pool, struct buf *out)
{
    struct error error = {0};
    struct week_inputs inputs;
    struct week_inputs again;
    char digest[WEEK_DIGEST_MAX];
    char same[WEEK_DIGEST_MAX];
    if (week_json_inputs_decode(text, pool, &inputs, &error) != STATUS_OK) {
        ASSERT(error.text[0] != '\0');
        return;
    }
    week_json_inputs(&inputs, out);
    ASSERT(!out->failed && week_json_inputs_digest(&inputs, digest));
    ASSERT(week_json_inputs_decode(buf_view(out), pool, &again, &error) == STATUS_OK);
    ASSERT(week_json_inputs_digest(&again, same));
    ASSERT(memcmp(digest, same, sizeof digest) == 0);
    struct verdict verdict = verdict_judge(&inputs);
    ASSERT(verdict.look.holds && verdict.handoff.part <= verdict.handoff.whole);
}

static void on_others(struct span text, struct pool *pool)
{
    struct error error = {0};
    struct week_baseline baseline;
    struct week_decision decision;
    char digest[WEEK_DIGEST_MAX];
    if (week_json_baseline_decode(text, pool, &baseline, &error) == STATUS_OK)
        ASSERT(week_json_baseline_digest(&baseline, digest));
    if (week_json_decision_decode(text, pool, &decision, &error) == STATUS_OK)
        ASSERT(week_json_decision_digest(&decision, digest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(pool_free) struct pool pool;
    SCOPED(buf_free) struct buf out = {0};
    pool_init(&pool, (size_t)64 << 20);
    buf_init(&out, TEXT_MAX);
    const struct span text = {(const char *)data, size};
    on_inputs(text, &pool, &out);
    on_others(text, &pool);
    return 0;
}
