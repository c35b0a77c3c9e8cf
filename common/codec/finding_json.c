#include "common/codec/finding_json.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_shape.h"
#include "common/codec/rfc3339.h"

#include <jansson.h>
#include <math.h>

#define VALUE_MAX ((size_t)1024 * 1024)
#define TEXT_BYTES_MAX 1024 /* 255 code points and to spare */

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

static enum status wrong(struct error *error, const char *name)
{
    return error_set(error, STATUS_REJECT, "no finding: /%s is missing or wrong", name);
}

static enum status take_text(json_t *root, const char *name, struct pool *pool,
                             struct span *out, struct error *error)
{
    struct span text = json_span(json_object_get(root, name));
    if (text.bytes == NULL || text.length == 0 || text.length > TEXT_BYTES_MAX)
        return wrong(error, name);
    *out = pool_span(pool, text);
    if (out->bytes == NULL)
        return error_set(error, STATUS_RETRY, "resolve: out of memory");
    return STATUS_OK;
}

/* An integer, or null for a level that is not there. */
static enum status take_level(json_t *root, const char *name, bool *has_out, int64_t *out,
                              struct error *error)
{
    json_t *number = json_object_get(root, name);
    *has_out = json_is_integer(number);
    *out = json_integer_value(number);
    return *has_out || json_is_null(number) ? STATUS_OK : wrong(error, name);
}

static enum status take_value(json_t *root, struct finding *finding, struct error *error)
{
    json_t *number = json_object_get(root, "value_at_risk");
    double micros = json_number_value(number) * 1e6;
    finding->has_value = json_is_number(number);
    if ((!finding->has_value && !json_is_null(number)) || micros < 0)
        return wrong(error, "value_at_risk");
    finding->value_micros = micros < 9.2e18 ? llround(micros) : INT64_MAX;
    return STATUS_OK;
}

static enum status take_numbers(json_t *root, struct finding *finding,
                                struct error *error)
{
    json_t *residual = json_object_get(root, "residual");
    if (!json_is_integer(residual))
        return wrong(error, "residual");
    finding->residual = json_integer_value(residual);
    enum status status =
        take_level(root, "desired", &finding->has_desired, &finding->desired, error);
    if (status == STATUS_OK)
        status = take_level(root, "shown", &finding->has_shown, &finding->shown, error);
    return status == STATUS_OK ? take_value(root, finding, error) : status;
}

static enum status take_words(json_t *root, struct finding *finding, struct error *error)
{
    struct span cause = json_span(json_object_get(root, "cause"));
    struct span risk = json_span(json_object_get(root, "risk"));
    struct span at = json_span(json_object_get(root, "observed_at"));
    finding->cause = CAUSE_UNKNOWN;
    finding->is_high_risk = span_is(risk, "high");
    if (cause.bytes == NULL)
        return wrong(error, "cause");
    (void)cause_parse(cause, &finding->cause);
    if (!finding->is_high_risk && !span_is(risk, "low"))
        return wrong(error, "risk");
    if (at.bytes == NULL || !rfc3339_parse(at, &finding->observed_at_us))
        return wrong(error, "observed_at");
    return STATUS_OK;
}

static enum status take_all(json_t *root, struct pool *pool, struct finding *finding,
                            struct error *error)
{
    const struct {
        const char *name;
        struct span *out;
    } TEXTS[] = {{"finding_id", &finding->id},
                 {"run_id", &finding->run_id},
                 {"shop", &finding->shop},
                 {"sku", &finding->sku},
                 {"location", &finding->location}};
    enum status status = STATUS_OK;
    for (size_t at = 0; at < COUNT_OF(TEXTS) && status == STATUS_OK; at++)
        status = take_text(root, TEXTS[at].name, pool, TEXTS[at].out, error);
    if (status == STATUS_OK)
        status = take_numbers(root, finding, error);
    return status == STATUS_OK ? take_words(root, finding, error) : status;
}

enum status finding_decode(struct span value, struct pool *pool, struct finding *finding,
                           struct error *error)
{
    SCOPED(release_json) json_t *root = NULL;
    json_error_t fault;
    *finding = (struct finding){0};
    if (value.bytes == NULL || value.length > VALUE_MAX)
        return error_set(error, STATUS_REJECT, "no finding: empty or too large");
    root = json_loadb(value.bytes, value.length, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(root))
        return error_set(error, STATUS_REJECT, "no finding: is no JSON object");
    return take_all(root, pool, finding, error);
}
