/* Times by a format: what is read, what is refused, which formats are none. */
#include "common/codec/rfc3339.h"
#include "common/codec/time_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
    const char *format;
    const char *offset;
    const char *text;
    const char *time; /* NULL: refused */
} READS[] = {
    {"%d.%m.%Y %H:%M", "+01:00", "25.11.2026 13:05", "2026-11-25T12:05:00Z"},
    {"%d.%m.%Y", "Z", "25.11.2026", "2026-11-25T00:00:00Z"},
    {"%d.%m.%Y", "Z", "5.1.2026", "2026-01-05T00:00:00Z"},
    {"%m/%d/%Y %I:%M %p", "-05:00", "1/5/2026 3:05 PM", "2026-01-05T20:05:00Z"},
    {"%m/%d/%Y %I:%M %p", "Z", "1/5/2026 12:05 am", "2026-01-05T00:05:00Z"},
    {"%m/%d/%Y %I:%M %p", "Z", "1/5/2026 12:05 PM", "2026-01-05T12:05:00Z"},
    {"%Y%m%d%H%M%S", "Z", "20261125120501", "2026-11-25T12:05:01Z"},
    {"%y-%m-%d", "Z", "26-11-25", "2026-11-25T00:00:00Z"},
    {"%Y-%m-%d %H:%M:%S.%f%z", "Z", "2026-11-25 12:00:00.1234567+0130",
     "2026-11-25T10:30:00.123456Z"},
    {"%Y-%m-%dT%H:%M%z", "Z", "2026-11-25T12:00Z", "2026-11-25T12:00:00Z"},
    {"%Y-%m-%dT%H:%M%z", "+09:00", "2026-11-25T12:00-05", "2026-11-25T17:00:00Z"},
    {"%s", "Z", "1795608000", "2026-11-25T12:00:00Z"},
    {"%s.%f", "Z", "1795608000.5", "2026-11-25T12:00:00.500000Z"},
    {"100%% %Y%m%d", "Z", "100% 20261125", "2026-11-25T00:00:00Z"},
    {"%d.%m.%Y", "Z", "25.11.26", NULL},
    {"%d.%m.%Y", "Z", "25.11.2026 ", NULL},
    {"%d.%m.%Y", "Z", " 25.11.2026", NULL},
    {"%d.%m.%Y", "Z", "31.02.2026", NULL},
    {"%d.%m.%Y", "Z", "25/11/2026", NULL},
    {"%d.%m.%Y", "Z", "", NULL},
    {"%m/%d/%Y %I:%M %p", "Z", "1/5/2026 13:05 PM", NULL},
    {"%m/%d/%Y %I:%M %p", "Z", "1/5/2026 3:05 XM", NULL},
    {"%s", "Z", "99999999999999999999", NULL},
    {"%s", "Z", "12a", NULL},
    {"%s", "Z", "0", NULL}, /* before 2000 */
    {"%Y%m%d%z", "Z", "20261125", NULL},
    {"%Y%m%d%z", "Z", "20261125+1", NULL},
};

static void times_are_read(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(READS) / sizeof(*READS); at++) {
        char text[TIME_FORMAT_TEXT_MAX];
        int64_t us = 0;
        int64_t wanted = 0;
        assert_true(time_format_valid(span_from(READS[at].format)));
        assert_true(time_offset_valid(span_from(READS[at].offset)));
        bool good =
            time_format_read(span_from(READS[at].format), span_from(READS[at].offset),
                             span_from(READS[at].text), text) &&
            rfc3339_parse(span_from(text), &us);
        if (good != (READS[at].time != NULL))
            print_error("%s by %s\n", READS[at].text, READS[at].format);
        assert_int_equal(good, READS[at].time != NULL);
        if (!good)
            continue;
        assert_true(rfc3339_parse(span_from(READS[at].time), &wanted));
        assert_int_equal(us, wanted);
    }
}

static void formats_without_a_day_are_none(void **state)
{
    static const char *const BAD[] = {
        "",         "%H:%M",        "%d.%m.",   "%Y%m",      "%Y%m%d%Y",
        "%Y%y%m%d", "%Y%m%d%q",     "%Y%m%d%",  "%s%Y%m%d",  "%Y%m%d%I",
        "%Y%m%d%p", "%Y%m%d%H%I%p", "%A %d.%m", "%Y%m%d %B",
    };
    (void)state;
    for (size_t at = 0; at < sizeof(BAD) / sizeof(*BAD); at++)
        assert_false(time_format_valid(span_from(BAD[at])));
    assert_false(time_format_valid((struct span){0}));
}

static void offsets(void **state)
{
    static const char *const BAD[] = {"", "CET", "+1", "+01", "+0100", "+25:00", "01:00"};
    (void)state;
    assert_true(time_offset_valid(SPAN_OF("-05:30")));
    for (size_t at = 0; at < sizeof(BAD) / sizeof(*BAD); at++)
        assert_false(time_offset_valid(span_from(BAD[at])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(formats_without_a_day_are_none),
        cmocka_unit_test(offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
