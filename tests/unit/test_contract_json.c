/*
 * The contract file: what becomes of each field, the defaults, and for every rule a
 * change to a good file that breaks it, with the place that the refusal names.
 */
#include "common/base/scope.h"
#include "common/codec/contract_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char GOOD[] =
    "{\"version\":\"1\",\"sources\":["
    "{\"name\":\"wms\",\"rank\":10,\"state\":\"on_hand\",\"locations\":[\"HAM\"],"
    "\"max_age_seconds\":900,\"order_lag_seconds\":120,\"why\":\"it counts\"},"
    "{\"name\":\"erp\",\"rank\":20,\"state\":\"available\"}],"
    "\"locations\":[{\"code\":\"BER\",\"aliases\":[\"Berlin\",\"b1\"]},{\"code\":\"HAM\"}],"
    "\"sku\":{\"normalise\":{\"trim\":true,\"dashes\":false}},"
    "\"kits\":[{\"sku\":\"K\",\"components\":[{\"sku\":\"P\",\"quantity\":2}]}],"
    "\"shops\":[{\"name\":\"demo\",\"endpoint\":\"https://demo.example/\",\"mode\":"
    "\"available\",\"locations\":{\"HAM\":\"gid://shopify/Location/12\"},\"buffer\":"
    "{\"fixed\":1,\"percent\":5,\"min\":2,\"max\":9},\"exclude\":[\"z-1\",\" a-1 \"]},"
    "{\"name\":\"second\",\"endpoint\":\"http://127.0.0.1:8080/x\",\"api_version\":"
    "\"2026-07\",\"mode\":\"on_hand\",\"reason\":\"restock\",\"locations\":{}}],"
    "\"policy\":{\"rules\":[{\"id\":\"r-1\",\"when\":{\"causes\":[\"oversold\"]},\"do\":"
    "\"observe\",\"why\":\"x\"}],\"guards\":{}},"
    "\"risk\":{\"tags\":[\"Limited\",\"fragile\"],\"skus\":[\"z\",\" a–1 \"],"
    "\"value_threshold\":250.5},\"drift\":{\"settle_seconds\":30},\"alerts\":[{\"name\":\"a\",\"kind\":"
    "\"slack\"}],\"kpi\":{\"max_mismatch_percent\":0.5,"
    "\"max_repair_seconds\":60,\"min_covered_days\":3,\"max_oversells\":4},"
    "\"retention\":{\"idempotency_days\":7}}";

static const char MINIMAL[] =
    "{\"version\":1,\"sources\":[{\"name\":\"w\",\"rank\":1,\"state\":\"on_hand\"}],"
    "\"locations\":[{\"code\":\"B\"}],\"shops\":[]}";

static struct contract *decode_good(const char *text)
{
    struct contract *contract = NULL;
    struct error error = {0};
    if (contract_decode(span_from(text), &contract, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    return contract;
}

static void test_limits_of_a_week(void **state)
{
    (void)state;
    SCOPED(contract_free) struct contract *contract = decode_good(GOOD);
    SCOPED(contract_free) struct contract *bare = decode_good(MINIMAL);
    struct kpi_limits wanted = KPI_DEFAULTS;
    wanted.mismatch_share = 5000;
    wanted.repair_ms = 60000;
    wanted.covered_days = 3;
    wanted.oversells = 4;
    assert_memory_equal(&contract->kpi, &wanted, sizeof wanted);
    assert_memory_equal(&bare->kpi, &KPI_DEFAULTS, sizeof wanted);
}

static void test_sources_and_locations(void **state)
{
    (void)state;
    SCOPED(contract_free) struct contract *contract = decode_good(GOOD);
    assert_int_equal(contract->source_count, 2);
    const struct source *wms = &contract->sources[0];
    assert_true(span_is(wms->name, "wms") && wms->rank == 10);
    assert_int_equal(wms->state, LEVEL_ON_HAND);
    assert_int_equal(wms->max_age_seconds, 900);
    assert_int_equal(wms->order_lag_seconds, 120);
    assert_true(span_is(wms->why, "it counts"));
    assert_int_equal(contract->sources[1].state, LEVEL_AVAILABLE);
    assert_int_equal(contract->location_count, 2);
    int ber = contract_location(contract, SPAN_OF("BER"));
    int ham = contract_location(contract, SPAN_OF("HAM"));
    assert_int_equal(contract_location(contract, SPAN_OF("Berlin")), ber);
    assert_int_equal(contract_location(contract, SPAN_OF("b1")), ber);
    assert_int_equal(contract_location(contract, SPAN_OF("B1")), -1);
    assert_true(source_speaks_for(wms, ham) && !source_speaks_for(wms, ber));
    assert_true(source_speaks_for(&contract->sources[1], ber));
}

static void test_shops(void **state)
{
    (void)state;
    SCOPED(contract_free) struct contract *contract = decode_good(GOOD);
    assert_int_equal(contract->shop_count, 2);
    const struct shop *demo = &contract->shops[0];
    int ham = contract_location(contract, SPAN_OF("HAM"));
    int ber = contract_location(contract, SPAN_OF("BER"));
    assert_true(span_is(demo->gids[ham], "gid://shopify/Location/12"));
    assert_null(demo->gids[ber].bytes);
    assert_int_equal(demo->mode, LEVEL_AVAILABLE);
    assert_true(span_is(demo->api_version, "2026-10"));
    assert_true(span_is(demo->reason, "correction"));
    assert_true(demo->buffer.fixed == 1 && demo->buffer.percent == 5);
    assert_true(demo->buffer.min == 2 && demo->buffer.max == 9);
    assert_true(shop_excludes(demo, SPAN_OF("A-1")) &&
                shop_excludes(demo, SPAN_OF("Z-1")));
    assert_false(shop_excludes(demo, SPAN_OF("a-1")));
    const struct shop *second = &contract->shops[1];
    assert_true(span_is(second->api_version, "2026-07"));
    assert_true(span_is(second->reason, "restock"));
    assert_int_equal(second->buffer.max, -1);
}

static void test_risk(void **state)
{
    (void)state;
    SCOPED(contract_free) struct contract *contract = decode_good(GOOD);
    const struct risk_rules *risk = &contract->risk;
    assert_int_equal(risk->tag_count, 2);
    assert_true(span_is(risk->tags[0], "fragile") && span_is(risk->tags[1], "Limited"));
    assert_int_equal(risk->sku_count, 2);
    /* This contract keeps dashes as they are. */
    assert_true(span_is(risk->skus[0], "A–1") && span_is(risk->skus[1], "Z"));
    assert_true(risk->has_threshold);
    assert_int_equal(risk->threshold_micros, 250500000);
}

static void test_the_rest_and_the_digest(void **state)
{
    (void)state;
    SCOPED(contract_free) struct contract *contract = decode_good(GOOD);
    assert_int_equal(contract->sku_steps, SKU_ALL_STEPS & ~SKU_DASHES);
    assert_int_equal(contract->idempotency_days, 7);
    assert_int_equal(contract->drift_settle_seconds, 30);
    assert_int_equal(strlen(contract->digest), 64);
}

static void test_kits(void **state)
{
    (void)state;
    static const char FROM[] = "{\"sku\":\"K\",\"components\":";
    static const char TO[] =
        "{\"sku\":\" z kit \",\"components\":[{\"sku\":\"q\",\"quantity\":1000000},"
        "{\"sku\":\"p \",\"quantity\":3.0}],\"why\":\"a gift\"},"
        "{\"sku\":\"k\",\"components\":";
    char text[sizeof(GOOD) + sizeof(TO)];
    const char *found = strstr(GOOD, FROM);
    assert_non_null(found);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(found - GOOD), GOOD, TO,
                   found + strlen(FROM));
    SCOPED(contract_free) struct contract *contract = decode_good(text);
    assert_int_equal(contract->kit_count, 2);
    assert_true(span_is(contract->kits[0].sku, "K")); /* in order of SKUs */
    const struct kit *kit = contract_kit(contract, SPAN_OF("Z KIT"));
    assert_ptr_equal(kit, &contract->kits[1]);
    assert_int_equal(kit->part_count, 2); /* in the file's order */
    assert_true(span_is(kit->parts[0].sku, "Q") && kit->parts[0].quantity == 1000000);
    assert_true(span_is(kit->parts[1].sku, "P") && kit->parts[1].quantity == 3);
    assert_null(contract_kit(contract, SPAN_OF("z kit")));
    assert_null(contract_kit(contract, SPAN_OF("P")));
    size_t count = 0;
    const struct kit_use *uses = contract_kits_of(contract, SPAN_OF("P"), &count);
    assert_int_equal(count, 2);
    assert_true(uses[0].kit == 0 && uses[1].kit == 1);
    uses = contract_kits_of(contract, SPAN_OF("Q"), &count);
    assert_true(count == 1 && uses[0].kit == 1);
    assert_null(contract_kits_of(contract, SPAN_OF("K"), &count));
    assert_int_equal(count, 0);
}

/* Every kit and every use of every part is found, and nothing else. */
static void test_kits_are_found_among_many(void **state)
{
    (void)state;
    enum { KITS = 200, PARTS = 40 };
    json_t *root = json_loads(MINIMAL, 0, NULL);
    json_t *kits = json_array();
    json_object_set_new(root, "kits", kits);
    for (int kit = 0; kit < KITS; kit++) { /* kit n holds the parts that divide n */
        json_t *parts = json_array();
        for (int part = 1; part <= PARTS; part++)
            if ((kit * 7) % part == 0)
                json_array_append_new(parts, json_pack("{s:o,s:i}", "sku",
                                                       json_sprintf("part-%d", part),
                                                       "quantity", part));
        json_array_append_new(kits, json_pack("{s:o,s:o}", "sku",
                                              json_sprintf("kit-%d", kit * 7),
                                              "components", parts));
    }
    char *text = json_dumps(root, 0);
    SCOPED(contract_free) struct contract *contract = decode_good(text);
    assert_int_equal(contract->kit_count, KITS);
    for (int number = 0; number < KITS * 7; number++) {
        char sku[32];
        (void)snprintf(sku, sizeof(sku), "KIT-%d", number);
        const struct kit *kit = contract_kit(contract, span_from(sku));
        assert_int_equal(kit != NULL, number % 7 == 0);
        assert_true(kit == NULL || span_is(kit->sku, sku));
    }
    size_t uses = 0;
    for (int part = 1; part <= PARTS; part++) {
        char sku[32];
        size_t count = 0;
        (void)snprintf(sku, sizeof(sku), "PART-%d", part);
        const struct kit_use *found = contract_kits_of(contract, span_from(sku), &count);
        for (size_t at = 0; at < count; at++) {
            int64_t number = 0;
            struct span kit = contract->kits[found[at].kit].sku;
            assert_true(
                span_to_int64((struct span){kit.bytes + 4, kit.length - 4}, &number));
            assert_int_equal(number % part, 0);
        }
        uses += count;
    }
    assert_int_equal(uses, contract->kit_use_count);
    free(text);
    json_decref(root);
}

static void test_defaults(void **state)
{
    (void)state;
    SCOPED(contract_free) struct contract *contract = decode_good(MINIMAL);
    assert_int_equal(contract->sku_steps, SKU_ALL_STEPS);
    assert_int_equal(contract->idempotency_days, 35);
    assert_int_equal(contract->shop_count, 0);
    assert_int_equal(contract->kit_count, 0);
    assert_false(contract->risk.has_threshold);
    assert_int_equal(contract->risk.tag_count + contract->risk.sku_count, 0);
    assert_null(contract->sources[0].speaks);
    assert_int_equal(contract_shop(contract, SPAN_OF("w")), -1);
}

/* ---- refusals --------------------------------------------------------------------- */

/* GOOD with the first `from` turned into `to`. */
static const struct {
    const char *from;
    const char *to;
    const char *at; /* what the text must name */
} BREAKS[] = {
    {"\"version\":\"1\",", "", "/version: is missing"},
    {"\"version\":\"1\"", "\"version\":0", "/version"},
    {"\"version\":\"1\"", "\"versions\":\"1\"", "unknown key; known ones here: version"},
    {"\"rank\":10", "\"rank\":1.5", "/sources/0/rank"},
    {"\"rank\":10", "\"rank\":\"10\"", "/sources/0/rank"},
    {"\"rank\":10", "\"rank\":20", "/sources/1/rank"},
    {"\"rank\":10", "\"rank\":10,\"rank\":11", "duplicate"},
    {"\"name\":\"wms\"", "\"name\":\"\"", "/sources/0/name"},
    {"\"name\":\"wms\"", "\"name\":\"a\\u0007\"", "/sources/0/name"},
    {"\"name\":\"wms\"", "\"name\":\"erp\"", "/sources/1/name"},
    {"\"name\":\"wms\"", "\"name\":\"demo\"", "/shops/0/name"},
    {"\"name\":\"second\"", "\"name\":\"demo\"", "/shops/1/name"},
    {"\"state\":\"on_hand\"", "\"state\":\"onhand\"", "one of: on_hand available"},
    {"[\"HAM\"]", "[]", "/sources/0/locations"},
    {"[\"HAM\"]", "[\"HAM\",\"HAM\"]", "/sources/0/locations/1"},
    {"[\"HAM\"]", "[\"LEJ\"]", "/sources/0/locations"},
    {"[\"HAM\"]", "[\"Berlin\"]", "/sources/0/locations"},
    {"\"code\":\"HAM\"", "\"code\":\"BER\"", "/locations/1"},
    {"\"code\":\"HAM\"", "\"code\":\"HAM\",\"aliases\":[\"BER\"]", "/locations/1"},
    {"\"code\":\"HAM\"", "\"code\":\"HAM\",\"aliases\":[\"b1\"]", "/locations/1"},
    {"\"code\":\"HAM\"", "\"code\":\"HAM\",\"aliases\":[\"HAM\"]", "/locations/1"},
    {"\"trim\":true", "\"trim\":1", "/sku/normalise/trim"},
    {"\"quantity\":2", "\"quantity\":0", "/kits/0/components/0/quantity"},
    {"\"quantity\":2", "\"quantity\":1000001", "/kits/0/components/0/quantity"},
    {"\"quantity\":2", "\"quantity\":2.5", "/kits/0/components/0/quantity"},
    {"\"quantity\":2}", "\"quantity\":2},{\"sku\":\" p\",\"quantity\":1}",
     "/kits/0/components/1/sku: is that of component 0"},
    {"\"quantity\":2}", "\"quantity\":2},{\"sku\":\"\\u00ad\",\"quantity\":1}",
     "/kits/0/components/1/sku: is no SKU"},
    {"\"quantity\":2}", "\"quantity\":2},{\"sku\":\"k\",\"quantity\":1}",
     "/kits/0/components/1/sku: is the SKU of the kit /kits/0"},
    {"[{\"sku\":\"P\",\"quantity\":2}]", "[]", "/kits/0/components"},
    {"\"sku\":\"K\"", "\"sku\":\"\\u00ad\"", "/kits/0/sku: is no SKU"},
    {"\"kits\":[",
     "\"kits\":[{\"sku\":\"k \",\"components\":[{\"sku\":\"Q\",\"quantity\":1}]},",
     "/kits/1/sku: is that of /kits/0"},
    {"\"kits\":[",
     "\"kits\":[{\"sku\":\"Z\",\"components\":[{\"sku\":\"k\",\"quantity\":1}]},",
     "/kits/0/components/0/sku: is the SKU of the kit /kits/1"},
    {"https://demo.example/", "http://demo.example/", "/shops/0/endpoint"},
    {"http://127.0.0.1:8080/x", "http://127.0.0.1.evil.example/", "/shops/1/endpoint"},
    {"http://127.0.0.1:8080/x", "http://127.0.0.256/", "/shops/1/endpoint"},
    {"http://127.0.0.1:8080/x", "http://127.0.0/", "/shops/1/endpoint"},
    {"http://127.0.0.1:8080/x", "http://localhost.evil.example/", "/shops/1/endpoint"},
    {"http://127.0.0.1:8080/x", "http://[::2]:80/", "/shops/1/endpoint"},
    {"http://127.0.0.1:8080/x", "https://u:p@h/", "/shops/1/endpoint"},
    {"http://127.0.0.1:8080/x", "https://h?x", "/shops/1/endpoint"},
    {"http://127.0.0.1:8080/x", "https:///x", "/shops/1/endpoint"},
    {"http://127.0.0.1:8080/x", "ftp://h/", "/shops/1/endpoint"},
    {"\"2026-07\"", "\"2026-01\"", "/shops/1/api_version"},
    {"\"2026-07\"", "\"2026-08\"", "/shops/1/api_version"},
    {"\"2026-07\"", "\"unstable\"", "/shops/1/api_version"},
    {"{\"HAM\":\"gid", "{\"LEJ\":\"gid", "/shops/0/locations"},
    {"{\"HAM\":\"gid", "{\"a/~b\":7,\"HAM\":\"gid", "/shops/0/locations/a~1~0b"},
    {"Location/12", "Location/012", "/shops/0/locations/HAM"},
    {"Location/12", "Product/12", "/shops/0/locations/HAM"},
    {"\"fixed\":1", "\"fixed\":-1", "/shops/0/buffer/fixed"},
    {"\"percent\":5", "\"percent\":100.5", "/shops/0/buffer/percent"},
    {"\"z-1\"", "\"\"", "/shops/0/exclude/0"},
    {"\"z-1\"", "\"\\u00ad\"", "/shops/0/exclude/0"},
    {"\"restock\"", "\"because\"", "/shops/1/reason"},
    {"\"r-1\"", "\"R-1\"", "/policy/rules/0/id"},
    {"\"r-1\"", "\"-r\"", "/policy/rules/0/id"},
    {"\"oversold\"", "\"overslod\"", "/policy/rules/0/when/causes/0"},
    {"\"oversold\"", "\"oversold\",\"oversold\"", "/policy/rules/0/when/causes/1"},
    {"\"guards\":{}", "\"guards\":{\"max\":1}", "/policy/guards/max"},
    {"\"settle_seconds\":30", "\"settle_seconds\":86401", "/drift/settle_seconds"},
    {"\"kind\":\"slack\"", "\"kind\":\"fax\"", "/alerts/0/kind"},
    {"\"max_mismatch_percent\":0.5", "\"max_mismatch_percent\":-0.5", "/kpi/"},
    {"\"idempotency_days\":7", "\"idempotency_days\":0", "/retention/idempotency_days"},
    {"\"value_threshold\":250.5", "\"value_threshold\":-1", "/risk/value_threshold"},
    {"\"risk\":{\"tags\":[\"Limited\",\"fragile\"],\"skus\":[\"z\",\" a–1 \"],"
     "\"value_threshold\":250.5}",
     "\"risk\":[]", "/risk: must be an object"},
    {"\"fragile\"", "\"\\ud800\"", "no JSON"},
    {"\"z\"", "\"\\u00ad\"", "/risk/skus/0: is no SKU"},
};

static void refuse(struct span text, const char *at)
{
    struct contract *contract = NULL;
    struct error error = {0};
    enum status status = contract_decode(text, &contract, &error);
    if (status != STATUS_FATAL || strstr(error.text, at) == NULL)
        fail_msg("expected %s, got status %d: %s", at, (int)status, error.text);
    assert_int_equal(error_exit_code(&error), EXIT_CONFIG);
    assert_null(contract);
}

static void test_refusals_name_the_place(void **state)
{
    (void)state;
    char text[sizeof(GOOD) + 200];
    for (size_t at = 0; at < sizeof(BREAKS) / sizeof(BREAKS[0]); at++) {
        const char *found = strstr(GOOD, BREAKS[at].from);
        if (found == NULL)
            fail_msg("nothing to break: %s", BREAKS[at].from);
        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(found - GOOD), GOOD,
                       BREAKS[at].to, found + strlen(BREAKS[at].from));
        refuse(span_from(text), BREAKS[at].at);
    }
}

static void test_loopback_in_all_spellings(void **state)
{
    (void)state;
    static const char *const ENDPOINTS[] = {"http://localhost", "http://LocalHost:1/",
                                            "http://127.255.0.9/", "http://[::1]/",
                                            "http://[::1]:9/a/b"};
    char text[sizeof(GOOD) + 200];
    const char *found = strstr(GOOD, "http://127.0.0.1:8080/x");
    for (size_t at = 0; at < sizeof(ENDPOINTS) / sizeof(ENDPOINTS[0]); at++) {
        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(found - GOOD), GOOD,
                       ENDPOINTS[at], found + strlen("http://127.0.0.1:8080/x"));
        SCOPED(contract_free) struct contract *contract = decode_good(text);
        assert_true(span_is(contract->shops[1].endpoint, ENDPOINTS[at]));
    }
}

static void test_what_is_no_document(void **state)
{
    (void)state;
    static char large[(4 << 20) + 1];
    refuse((struct span){0}, "empty");
    refuse(SPAN_OF(""), "empty");
    refuse(SPAN_OF("[]"), "the document: must be an object");
    refuse(SPAN_OF("{"), "line 1");
    refuse(SPAN_OF("\xef\xbb\xbf{}"), "no JSON");
    memset(large, ' ', sizeof(large));
    refuse((struct span){large, sizeof(large)}, "larger");
}

/* Limits of struct contract that are narrower than any file needs. */
static void test_too_many_sources(void **state)
{
    (void)state;
    struct error error = {0};
    struct contract *contract = NULL;
    json_t *root = json_loads(MINIMAL, 0, NULL);
    json_t *sources = json_object_get(root, "sources");
    for (int at = 0; at < CONTRACT_SOURCES_MAX; at++)
        (void)json_array_append_new(sources, json_pack("{s:s,s:i,s:s}", "name", "x",
                                                       "rank", at, "state", "on_hand"));
    char *text = json_dumps(root, 0);
    assert_int_equal(contract_decode(span_from(text), &contract, &error), STATUS_FATAL);
    assert_non_null(strstr(error.text, "/sources: must be a list of 1 to 64"));
    free(text);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_of_a_week),
        cmocka_unit_test(test_sources_and_locations),
        cmocka_unit_test(test_shops),
        cmocka_unit_test(test_risk),
        cmocka_unit_test(test_the_rest_and_the_digest),
        cmocka_unit_test(test_kits),
        cmocka_unit_test(test_kits_are_found_among_many),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refusals_name_the_place),
        cmocka_unit_test(test_loopback_in_all_spellings),
        cmocka_unit_test(test_what_is_no_document),
        cmocka_unit_test(test_too_many_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
