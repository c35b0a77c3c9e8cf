/* common/domain/incident: what is one problem, and when subscribers are told. */
#include "common/domain/incident.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct incident_origin origin(int32_t partition, int64_t offset)
{
    return (struct incident_origin){.topic = SPAN_OF("inventory.stock-changes"),
                                    .partition = partition,
                                    .offset = offset,
                                    .recorded_at_us = 1795608000000000,
                                    .sku = SPAN_OF("CUP-1"),
                                    .location = SPAN_OF("BER"),
                                    .event_id = SPAN_OF("e-1")};
}

static bool see(struct incident_set *set, const char *source, int64_t offset)
{
    const struct incident_origin from = origin(3, offset);
    const struct incident_subject subject = {
        .source = span_from(source), .sku = from.sku, .location = from.location};
    return incident_set_add(set, INCIDENT_ID_REUSED, &subject, &from);
}

static struct incident_sighting sighting(const char *source, int32_t partition,
                                         int64_t offset)
{
    return (struct incident_sighting){.class = INCIDENT_ID_REUSED,
                                      .subject = {.source = span_from(source)},
                                      .first = origin(partition, offset),
                                      .latest = origin(partition, offset),
                                      .occurrences = 1};
}

static struct span name_of(const struct incident_sighting *one, char *room)
{
    return (struct span){room, incident_name_bytes(one, room)};
}

static void test_one_problem_a_source_whatever_the_sku(void **state)
{
    (void)state;
    struct incident_set set = {0};
    assert_true(see(&set, "wms", 10));
    assert_true(see(&set, "erp", 11));
    assert_true(see(&set, "wms", 12));
    assert_int_equal(set.count, 2);
    assert_int_equal(set.items[0].occurrences, 2);
    assert_int_equal(set.items[0].first.offset, 10);
    assert_int_equal(set.items[0].latest.offset, 12);
    assert_int_equal(set.items[1].occurrences, 1);
    /* The problem is the source's: neither SKU nor location belong to it. */
    assert_null(set.items[0].subject.sku.bytes);
    assert_null(set.items[0].subject.location.bytes);
}

static void test_a_full_set_says_so_and_loses_nothing_it_has(void **state)
{
    (void)state;
    static struct incident_set set;
    static char names[INCIDENT_SET_MAX + 1][16];
    for (size_t at = 0; at <= INCIDENT_SET_MAX; at++) {
        (void)snprintf(names[at], sizeof(names[at]), "source-%zu", at);
        assert_int_equal(see(&set, names[at], (int64_t)at), at < INCIDENT_SET_MAX);
    }
    assert_int_equal(set.count, INCIDENT_SET_MAX);
    assert_true(see(&set, names[5], 999));
    assert_int_equal(set.items[5].occurrences, 2);
}

static void test_told_at_the_first_and_at_powers_of_ten(void **state)
{
    (void)state;
    static const struct {
        int64_t before;
        int64_t after;
        bool told;
    } CASES[] = {
        {0, 1, true},
        {0, 7, true},
        {1, 2, false},
        {1, 9, false},
        {9, 10, true},
        {2, 10, true},
        {10, 11, false},
        {10, 99, false},
        {99, 100, true},
        {10, 1000, true},
        {101, 999, false},
        {999, 5000, true},
        {1000000, 1000001, false},
        {INT64_MAX - 1, INT64_MAX, false},
        {INT64_C(999999999999999999), INT64_C(1000000000000000000), true},
    };
    for (size_t at = 0; at < COUNT_OF(CASES); at++)
        assert_int_equal(incident_is_told(CASES[at].before, CASES[at].after),
                         CASES[at].told);
    int told = 0;
    for (int64_t seen = 0; seen < 100000; seen++)
        told += incident_is_told(seen, seen + 1);
    assert_int_equal(told, 6); /* 1, 10, .. 100000 */
}

static void test_a_name_is_of_the_problem_and_of_what_showed_it(void **state)
{
    (void)state;
    char left[INCIDENT_NAME_MAX];
    char right[INCIDENT_NAME_MAX];
    const struct incident_sighting first = sighting("wms", 3, 10);
    const struct incident_sighting others[] = {
        sighting("erp", 3, 10), sighting("wms", 4, 10), sighting("wms", 3, 11)};
    struct incident_sighting later = first;
    later.latest = origin(3, 99);
    later.occurrences = 7;
    assert_true(span_equal(name_of(&first, left), name_of(&later, right)));
    for (size_t at = 0; at < COUNT_OF(others); at++)
        assert_false(span_equal(name_of(&first, left), name_of(&others[at], right)));
}

static void test_no_two_subjects_share_a_problem(void **state)
{
    (void)state;
    char left[INCIDENT_PROBLEM_MAX];
    char right[INCIDENT_PROBLEM_MAX];
    struct incident_sighting one = sighting("a location=1:b", 0, 0);
    struct incident_sighting two = sighting("a", 0, 0);
    two.subject.location = SPAN_OF("b");
    assert_false(span_equal((struct span){left, incident_problem(&one, left)},
                            (struct span){right, incident_problem(&two, right)}));
    struct incident_sighting three = sighting("wms", 0, 0);
    assert_true(span_is((struct span){left, incident_problem(&three, left)},
                        "id_reused source=3:wms"));
}

/* Each pair of each shop is a problem of its own, and the moment tells its openings apart. */
static void test_a_refused_pair_is_one_problem(void **state)
{
    (void)state;
    char left[INCIDENT_NAME_MAX];
    char right[INCIDENT_NAME_MAX];
    static struct incident_set set;
    static const struct incident_subject SUBJECTS[] = {
        {.shop = {"demo", 4}, .sku = {"CUP", 3}, .location = {"BER", 3}},
        {.shop = {"demo", 4}, .sku = {"CUP", 3}, .location = {"HAM", 3}},
        {.shop = {"demo", 4}, .sku = {"POT", 3}, .location = {"BER", 3}},
        {.shop = {"outlet", 6}, .sku = {"CUP", 3}, .location = {"BER", 3}}};
    const struct incident_origin at = {.offset = 1795608000000000};
    for (size_t twice = 0; twice < 2 * COUNT_OF(SUBJECTS); twice++)
        assert_true(incident_set_add(&set, INCIDENT_PUSH_REFUSED,
                                     &SUBJECTS[twice % COUNT_OF(SUBJECTS)], &at));
    assert_int_equal(set.count, COUNT_OF(SUBJECTS));
    struct incident_sighting later = set.items[0];
    later.first.offset++;
    assert_true(span_is((struct span){left, incident_problem(&later, left)},
                        "push_refused shop=4:demo location=3:BER"));
    for (size_t each = 0; each < set.count; each++)
        assert_false(span_equal(name_of(&later, left), name_of(&set.items[each], right)));
}

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (strcmp(text, list[at]) == 0)
            return true;
    return false;
}

static void test_every_class_is_complete(void **state)
{
    (void)state;
    static const char *const SEVERITIES[] = {"critical", "error", "warning", "info"};
    static const char *const HANDOFFS[] = {"workflow-orchestration", "observability",
                                           "inventory", "none"};
    for (int class = 0; class < INCIDENT_CLASS_COUNT; class ++) {
        const struct incident_kind *kind = incident_kind((enum incident_class) class);
        assert_non_null(kind->id);
        assert_true(is_one_of(kind->severity, SEVERITIES, COUNT_OF(SEVERITIES)));
        assert_true(is_one_of(kind->handoff, HANDOFFS, COUNT_OF(HANDOFFS)));
        assert_true(kind->subject != 0);
        assert_true(strlen(kind->why) > 20 && strlen(kind->remediation) > 20);
        FILE *runbook = fopen(kind->runbook, "r"); /* tests run at the root */
        assert_non_null(runbook);
        (void)fclose(runbook);
        for (int other = 0; other < class; other++)
            assert_string_not_equal(kind->id,
                                    incident_kind((enum incident_class)other)->id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_problem_a_source_whatever_the_sku),
        cmocka_unit_test(test_a_full_set_says_so_and_loses_nothing_it_has),
        cmocka_unit_test(test_told_at_the_first_and_at_powers_of_ten),
        cmocka_unit_test(test_a_name_is_of_the_problem_and_of_what_showed_it),
        cmocka_unit_test(test_no_two_subjects_share_a_problem),
        cmocka_unit_test(test_a_refused_pair_is_one_problem),
        cmocka_unit_test(test_every_class_is_complete),
    };
    return cmocka_run_group_tests_name("incident", tests, NULL, NULL);
}
