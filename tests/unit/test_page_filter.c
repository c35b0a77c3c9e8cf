/* common/codec/page_filter: what is in a page is found, and little else. */
#include "common/codec/page_filter.h"

#include "common/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PARTITIONS 12
#define ROWS 500

struct name {
    char text[24];
};

/* The SKUs of one partition, as a page has them. */
static struct name sku(size_t number)
{
    static size_t next = 0;
    struct name name;
    if (number == 0)
        next = 0;
    do
        (void)snprintf(name.text, sizeof name.text, "SKU-%zu", next++);
    while (hash_partition(span_from(name.text), PARTITIONS) != 5);
    return name;
}

static void test_all_that_is_in_is_found_and_few_others(void **state)
{
    (void)state;
    size_t size = page_filter_size(ROWS);
    unsigned char *bytes = calloc(1, size);
    size_t wrong = 0;
    assert_non_null(bytes);
    for (size_t at = 0; at < ROWS; at++)
        page_filter_add(bytes, size, span_from(sku(at).text));
    for (size_t at = 0; at < ROWS; at++)
        assert_true(page_filter_may_have(bytes, size, span_from(sku(at).text)));
    for (size_t at = ROWS; at < 21 * ROWS; at++)
        wrong += page_filter_may_have(bytes, size, span_from(sku(at).text));
    assert_true(wrong <
                20 * ROWS / 100); /* one in a hundred; 0.36 percent by the formula */
    free(bytes);
}

/* SQL asks for these bits: they may never change. */
static void test_the_layout_is_fixed(void **state)
{
    (void)state;
    const struct page_probes probes = page_filter_probes(SPAN_OF("CUP-1"));
    unsigned char bytes[12] = {0};
    page_filter_add(bytes, sizeof bytes, SPAN_OF("CUP-1"));
    for (size_t at = 0; at < PAGE_FILTER_PROBES; at++) {
        size_t bit = (size_t)probes.at[at] % (sizeof bytes * 8);
        assert_true(probes.at[at] >= 0 && probes.at[at] <= UINT32_MAX);
        assert_true((bytes[bit / 8] & 1U << bit % 8) != 0);
    }
    assert_int_equal(page_filter_hash(SPAN_OF("CUP-1")) % PARTITIONS,
                     hash_partition(SPAN_OF("CUP-1"), PARTITIONS));
    assert_int_equal(page_filter_size(8), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_is_in_is_found_and_few_others),
        cmocka_unit_test(test_the_layout_is_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
