/* Times: the interface's own rules, a public corpus, and the way there and back. */
#include "common/codec/rfc3339.h"
#include "tests/unit/corpora.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int64_t us;
} GOOD[] = {
    {"2000-01-01T00:00:00Z", 946684800000000},
    {"2026-11-25T12:00:00Z", 1795608000000000},
    {"2026-11-25t12:00:00z", 1795608000000000},
    {"2026-11-25T13:00:00+01:00", 1795608000000000},
    {"2026-11-25T06:30:00-05:30", 1795608000000000},
    {"2026-11-25T12:00:00-00:00", 1795608000000000},
    {"2026-11-25T12:00:00.5Z", 1795608000500000},
    {"2026-11-25T12:00:00.000001Z", 1795608000000001},
    {"2026-11-25T12:00:00.0000019Z", 1795608000000001},
    {"2026-11-25T12:00:00.999999999999999999999999999999Z", 1795608000999999},
    {"2000-02-29T00:00:00Z", 951782400000000},
    {"2024-02-29T23:59:59Z", 1709251199000000},
    {"9999-12-31T23:59:59.999999Z", 253402300799999999},
    {"2026-11-26T11:59:00+23:59", 1795608000000000},
    {"2000-01-01T00:00:00+10:00", 946648800000000},
};

static const char *const BAD[] = {
    "",
    "2026-11-25",
    "2026-11-25T12:00Z",
    "2026-11-25T12:00:00",
    "2026-11-25 12:00:00Z",
    "2026-11-25T12:00:00 Z",
    "2026-11-25T12:00:00.Z",
    "2026-11-25T12:00:00,5Z",
    "2026-11-25T12:00:60Z",
    "2026-12-31T23:59:60Z",
    "2026-11-25T24:00:00Z",
    "2026-11-25T12:60:00Z",
    "2026-13-25T12:00:00Z",
    "2026-00-25T12:00:00Z",
    "2026-11-00T12:00:00Z",
    "2026-11-31T12:00:00Z",
    "2026-02-29T12:00:00Z",
    "2100-02-29T12:00:00Z",
    "1999-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z",
    "2026-11-25T12:00:00+24:00",
    "2026-11-25T12:00:00+01:60",
    "2026-11-25T12:00:00+0100",
    "2026-11-25T12:00:00+01",
    "2026-11-25T12:00:00Z+01:00",
    "2026-11-25T12:00:00ZZ",
    "2026-11-25T12:00:00Z\n",
    " 2026-11-25T12:00:00Z",
    "2026-11-25T12:00:0\xd9\xa0Z",
    "2026-11-25T12:00:00\xe2\x88\x92"
    "01:00",
    "+2026-11-25T12:00:00Z",
    "2026-11-2/T12:00:00Z",
    "2026-11-2:T12:00:00Z",
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(GOOD) / sizeof(GOOD[0]); at++) {
        int64_t us = 0;
        if (!rfc3339_parse(span_from(GOOD[at].text), &us) || us != GOOD[at].us)
            fail_msg("%s: %lld", GOOD[at].text, (long long)us);
    }
}

static void test_refused(void **state)
{
    (void)state;
    int64_t us = 42;
    for (size_t at = 0; at < sizeof(BAD) / sizeof(BAD[0]); at++)
        if (rfc3339_parse(span_from(BAD[at]), &us))
            fail_msg("accepted: %s", BAD[at]);
    assert_false(rfc3339_parse((struct span){0}, &us));
    assert_false(rfc3339_parse((struct span){"2026-11-25T12:00:00\0", 20}, &us));
    assert_int_equal(us, 42);
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    const char *whole = "2026-11-25T12:00:00.123456+01:00";
    for (size_t length = 0; length < strlen(whole); length++) {
        int64_t us;
        assert_false(rfc3339_parse((struct span){whole, length}, &us));
    }
}

static void test_formats(void **state)
{
    (void)state;
    char text[RFC3339_TEXT_MAX];
    rfc3339_format(1795608000000000, text);
    assert_string_equal(text, "2026-11-25T12:00:00Z");
    rfc3339_format(1795608000000001, text);
    assert_string_equal(text, "2026-11-25T12:00:00.000001Z");
    rfc3339_format(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    rfc3339_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
    rfc3339_format(253402300799999999, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
}

/* A step that is no multiple of a day meets every day and many times of it. */
static void test_there_and_back(void **state)
{
    (void)state;
    char text[RFC3339_TEXT_MAX];
    for (int64_t us = 946684800000000; us < 253402300800000000; us += 80000123457) {
        int64_t back = 0;
        rfc3339_format(us, text);
        assert_true(rfc3339_parse(span_from(text), &back));
        assert_true(back == us);
    }
}

/* The corpus lives in the 20th century, which is refused here: each case is judged a
 * hundred years later, where its calendar days exist as well. Leap seconds stay ours to
 * refuse. */
static bool judge_later(const char *text, bool valid)
{
    char later[128];
    int64_t us;
    assert_true(strlen(text) < sizeof(later));
    (void)snprintf(later, sizeof(later), "%s", text);
    if (memcmp(later, "19", 2) == 0)
        memcpy(later, "20", 2);
    bool expected = valid && strstr(later, ":60") == NULL;
    return rfc3339_parse(span_from(later), &us) == expected;
}

static void test_public_corpus(void **state)
{
    (void)state;
    char path[1024];
    size_t seen = 0;
    size_t accepted = 0;
    if (!corpus_find("jsts/date-time.json", path, sizeof(path)))
        skip();
    json_t *groups = json_load_file(path, 0, NULL);
    assert_non_null(groups);
    for (size_t group = 0; group < json_array_size(groups); group++) {
        json_t *cases = json_object_get(json_array_get(groups, group), "tests");
        for (size_t at = 0; at < json_array_size(cases); at++) {
            json_t *one = json_array_get(cases, at);
            const char *text = json_string_value(json_object_get(one, "data"));
            if (text == NULL)
                continue;
            bool valid = json_is_true(json_object_get(one, "valid"));
            if (!judge_later(text, valid))
                fail_msg("%s", text);
            accepted += valid;
            seen++;
        }
    }
    json_decref(groups);
    assert_true(seen >= 20 && accepted >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_public_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
