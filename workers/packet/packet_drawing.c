/*
 * The name of how this program draws: a sample with a row of everything is drawn, and the
 * digest of what comes of it is the name.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/digest.h"
#include "workers/packet/packet.h"

#define SAMPLE_DAY 20000 /* any */

static const char CONTRACT[] =
    "{\"version\":1,\"sources\":[{\"name\":\"a\",\"rank\":1,\"state\":\"on_hand\"},"
    "{\"name\":\"b\",\"rank\":2,\"state\":\"available\",\"locations\":[\"L\"]}],"
    "\"locations\":[{\"code\":\"L\",\"aliases\":[\"M\"]}],"
    "\"kits\":[{\"sku\":\"K\",\"components\":[{\"sku\":\"P\",\"quantity\":1}]}],"
    "\"shops\":[{\"name\":\"s\",\"endpoint\":\"https://s.example/\",\"mode\":\"on_hand\","
    "\"locations\":{\"L\":\"gid://shopify/Location/1\"},\"exclude\":[\"X\"]}],"
    "\"risk\":{\"tags\":[\"t\"],\"skus\":[\"P\"],\"value_threshold\":1},"
    "\"policy\":{\"rules\":[{\"id\":\"r\",\"when\":{\"risk\":[\"low\"],\"max_percent\":1.5},"
    "\"do\":\"observe\",\"why\":\"w\"}]},"
    "\"alerts\":[{\"name\":\"n\",\"kind\":\"pagerduty\"}]}";

struct digesting {
    struct digest *digest;
};

static void take(void *self, struct span bytes)
{
    struct digesting *digesting = self;
    digest_add(digesting->digest, bytes);
}

static struct sink begin(void *self, enum packet_slot slot, const char *name)
{
    struct digesting *digesting = self;
    (void)slot;
    digest_add_text(digesting->digest, span_from(name));
    return (struct sink){take, self};
}

static void end(void *self, enum packet_slot slot)
{
    (void)self;
    (void)slot;
}

static void fill(struct kpi_day days[WEEK_DAYS], struct kpi_place *place)
{
    memset(days, 0, WEEK_DAYS * sizeof *days);
    for (int day = 0; day < WEEK_DAYS; day++)
        for (unsigned counter = 0; counter < KPI_COUNTER_COUNT; counter++)
            days[day].counts[counter] = day * 1000 + (int)counter;
    *place = (struct kpi_place){.shop = SPAN_OF("s"),
                                .location = SPAN_OF("L"),
                                .pairs = 9,
                                .days = days,
                                .detect = {1, 2, 3},
                                .repair = {1, 2, 3},
                                .causes = {1, 2, 3}};
}

static enum status draw(const struct packet_data *data, struct digest *digest,
                        struct error *error)
{
    struct digesting digesting = {digest};
    const struct packet_canvas canvas = {begin, end, &digesting};
    struct packet_data other = *data;
    enum status status = packet_draw(data, &canvas, error);
    other.is_decided = !data->is_decided;
    return status == STATUS_OK ? packet_draw(&other, &canvas, error) : status;
}

enum status packet_drawing(char hex_out[WEEK_DIGEST_MAX], struct error *error)
{
    SCOPED(digest_free) struct digest *digest = digest_new();
    SCOPED(contract_free) struct contract *contract = NULL;
    struct kpi_day days[WEEK_DAYS];
    struct kpi_place place;
    if (digest == NULL)
        return error_set(error, STATUS_RETRY, "packet: out of memory");
    enum status status = contract_decode(SPAN_OF(CONTRACT), &contract, error);
    ASSERT(status == STATUS_OK || error->exit_code == EXIT_INTERNAL);
    if (status != STATUS_OK)
        return status;
    fill(days, &place);
    const struct kpi_period period = {week_monday(SAMPLE_DAY), WEEK_DAYS, &place, 1};
    const struct packet_data data = {
        .contract = contract,
        .inputs = {.contract = SPAN_OF("c"),
                   .limits = KPI_DEFAULTS,
                   .baseline = {.id = 1, .by = SPAN_OF("b"), .period = period},
                   .period = period},
        .decision = {.monday = period.first_day,
                     .number = 1,
                     .rule = SPAN_OF("r"),
                     .handoff = SPAN_OF("h"),
                     .by = SPAN_OF("b"),
                     .why = SPAN_OF("w")}};
    digest_begin(digest);
    status = draw(&data, digest, error);
    if (status == STATUS_OK)
        digest_end_hex(digest, DIGEST_BYTES, hex_out);
    return status;
}
