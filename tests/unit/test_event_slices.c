/* Bodies of posts cut into events: what is what, and which line a bad one is on. */
#include "common/base/check.h"
#include "common/codec/event_slices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct shape {
    const char *body;
    bool as_lines;
    const char *slices; /* "line:value|", a stray one "line!value|" */
};

static const struct shape SHAPES[] = {
    {"{\"a\":1}", false, "1:{\"a\":1}|"},
    {" \r\n{\n\"a\": {\"b\": [1,2]}\n}\n", false, "1:{\n\"a\": {\"b\": [1,2]}\n}|"},
    {"{\"a\":\"}\\\"{\"}\n", false, "1:{\"a\":\"}\\\"{\"}|"},
    {"", false, ""},
    {" \n\t", false, ""},
    {"[]", false, ""},
    {" [ ] \n", false, ""},
    {"[{\"a\":1}]", false, "1:{\"a\":1}|"},
    {"[ {\"a\":\",]\"} , {\"b\":[1,{}]}\n]\n", false,
     "1:{\"a\":\",]\"}|2:{\"b\":[1,{}]}|"},
    {"[1,\"x\",[2,3]]", false, "1:1|2:\"x\"|3:[2,3]|"},
    {"{\"a\":1}\n{\"b\":2}\n", false, "1:{\"a\":1}|2:{\"b\":2}|"},
    {"{\"a\":1}\r\n\r\n  {\"b\":2}", false, "1:{\"a\":1}|3:{\"b\":2}|"},
    {"nonsense\n{\"b\":2}\n", false, "1:nonsense|2:{\"b\":2}|"},
    {"{\"a\":\n{\"b\":2}\n{\"c\":3}", false, "1:{\"a\":|2:{\"b\":2}|3:{\"c\":3}|"},
    {"{\"a\":1}\n{\"b\":\n", false, "1:{\"a\":1}|2:{\"b\":|"},
    {"{\"a\":1} {\"b\":2}", false, "1:{\"a\":1} {\"b\":2}|"},
    /* one object, if a broken one: no line of it is an event */
    {"{\n \"a\": {\"b\":2},\n \"c\": }", false, "1:{\n \"a\": {\"b\":2},\n \"c\": }|"},
    {"[1]", true, "1:[1]|"},
    {"{\n}", true, "1:{|2:}|"},
    /* arrays that are none */
    {"[", false, "1!|"},
    {"[{\"a\":1}", false, "1:{\"a\":1}|2!|"},
    {"[{\"a\":1},", false, "1:{\"a\":1}|2:|3!|"},
    {"[{\"a\":1},]", false, "1:{\"a\":1}|2:|"},
    {"[,{}]", false, "1:|2:{}|"},
    {"[{} {}]", false, "1:{}|2!{}]|"},
    {"[{}}", false, "1:{}|2!}|"},
    {"[{}] {}", false, "1:{}|2!] {}|"},
    {"[{\"a\":\"", false, "1:{\"a\":\"|2!|"},
    {"[{\"a\":\"\\", false, "1:{\"a\":\"\\|2!|"},
};

static void test_shapes(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(SHAPES); at++) {
        struct event_slices slices;
        struct event_slice slice;
        char found[512] = "";
        event_slices_begin(&slices, span_from(SHAPES[at].body), SHAPES[at].as_lines);
        while (event_slices_next(&slices, &slice)) {
            size_t length = strlen(found);
            (void)snprintf(found + length, sizeof(found) - length, "%zu%c%.*s|",
                           slice.line, slice.stray ? '!' : ':', SPAN_ARGS(slice.value));
        }
        if (strcmp(found, SHAPES[at].slices) != 0)
            fail_msg("%s gave %s, not %s", SHAPES[at].body, found, SHAPES[at].slices);
        assert_false(event_slices_next(&slices, &slice));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
