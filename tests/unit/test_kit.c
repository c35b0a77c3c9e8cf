/* The level of a kit: the part that runs out first, and what holds whatever the numbers. */
#include "common/domain/kit.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define PARTS_MAX 6

static const struct kit_part PARTS[] = {
    {{"CUP", 3}, 2}, {{"POT", 3}, 1}, {{"LID", 3}, 3}};
static const struct kit KIT = {
    .sku = {"SET", 3}, .parts = PARTS, .part_count = COUNT_OF(PARTS)};

static const struct {
    const char *name;
    struct kit_stock stock[COUNT_OF(PARTS)];
    struct kit_level level;
} EXPECTATIONS[] = {
    {"the part that makes the fewest", {{true, 10}, {true, 7}, {true, 9}}, {true, 3, 2}},
    {"what is left over makes no kit", {{true, 3}, {true, 7}, {true, 9}}, {true, 1, 0}},
    {"the first of equals", {{true, 5}, {true, 2}, {true, 8}}, {true, 2, 0}},
    {"nothing there", {{true, 9}, {true, 0}, {true, 9}}, {true, 0, 1}},
    {"one owed is a kit owed", {{true, -1}, {true, 7}, {true, 9}}, {true, -1, 0}},
    {"whole kits owed", {{true, 9}, {true, 9}, {true, -6}}, {true, -2, 2}},
    {"and one more", {{true, 9}, {true, 9}, {true, -7}}, {true, -3, 2}},
    {"no level of a part: none of the kit",
     {{true, 9}, {false, 0}, {true, 9}},
     {false, 0, 1}},
    {"the first without a level", {{false, 5}, {false, 5}, {true, 9}}, {false, 0, 0}},
    {"also beside a part that owes", {{true, -5}, {true, 1}, {false, 0}}, {false, 0, 2}},
    {"the whole range",
     {{true, INT64_MIN}, {true, INT64_MAX}, {true, INT64_MIN}},
     {true, INT64_MIN / 2, 0}},
};

static void test_expectations(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(EXPECTATIONS); at++) {
        const struct kit_level wanted = EXPECTATIONS[at].level;
        struct kit_level level = kit_level(&KIT, EXPECTATIONS[at].stock);
        if (level.exists != wanted.exists || level.quantity != wanted.quantity ||
            level.limiting != wanted.limiting)
            fail_msg("%s: %d %lld of part %zu", EXPECTATIONS[at].name, level.exists,
                     (long long)level.quantity, level.limiting);
    }
}

static void test_one_part(void **state)
{
    (void)state;
    const struct kit_part part = {SPAN_OF("CUP"), 1000000};
    const struct kit kit = {.sku = SPAN_OF("BOX"), .parts = &part, .part_count = 1};
    const struct kit_stock stock = {true, 1000000000};
    assert_int_equal(kit_level(&kit, &stock).quantity, 1000);
}

/* ---- properties: a kit of any numbers --------------------------------------------- */

struct any {
    struct kit_part parts[PARTS_MAX];
    struct kit_stock stock[PARTS_MAX];
    struct kit kit;
};

static int64_t any_number(unsigned *dice, int64_t least, int64_t most)
{
    int64_t wide = ((int64_t)rand_r(dice) << 31) | rand_r(dice);
    return least + wide % (most - least + 1);
}

static void make_any(struct any *any, unsigned *dice)
{
    int64_t most = rand_r(dice) % 2 == 0 ? 5 : CONTRACT_KIT_QUANTITY_MAX;
    int64_t range = rand_r(dice) % 2 == 0 ? 20 : 1000000000;
    any->kit = (struct kit){.parts = any->parts,
                            .part_count = (size_t)any_number(dice, 1, PARTS_MAX)};
    for (size_t at = 0; at < any->kit.part_count; at++) {
        any->parts[at].quantity = any_number(dice, 1, most);
        any->stock[at] = (struct kit_stock){true, any_number(dice, -range, range)};
    }
}

/* Is there enough of every part for so many kits? Owing so many counts too. */
static bool suffices(const struct any *any, int64_t kits)
{
    for (size_t at = 0; at < any->kit.part_count; at++)
        if (kits * any->parts[at].quantity > any->stock[at].quantity)
            return false;
    return true;
}

static void check_any(struct any *any, unsigned *dice)
{
    struct kit_level level = kit_level(&any->kit, any->stock);
    size_t at = level.limiting;
    assert_true(level.exists && at < any->kit.part_count);
    assert_true(suffices(any, level.quantity));
    assert_false(suffices(any, level.quantity + 1));
    /* The limiting part alone says the same. */
    const struct kit alone = {.parts = &any->parts[at], .part_count = 1};
    assert_int_equal(kit_level(&alone, &any->stock[at]).quantity, level.quantity);
    /* More of anything never makes fewer kits; a kit's parts more of each make one more. */
    size_t more = (size_t)any_number(dice, 0, (int64_t)any->kit.part_count - 1);
    any->stock[more].quantity++;
    assert_true(kit_level(&any->kit, any->stock).quantity >= level.quantity);
    any->stock[more].quantity--;
    for (size_t part = 0; part < any->kit.part_count; part++)
        any->stock[part].quantity += any->parts[part].quantity;
    assert_int_equal(kit_level(&any->kit, any->stock).quantity, level.quantity + 1);
    any->stock[more].exists = false;
    level = kit_level(&any->kit, any->stock);
    assert_true(!level.exists && level.limiting == more && level.quantity == 0);
}

static void test_properties(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    unsigned dice = seed;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        struct any any = {0};
        make_any(&any, &dice);
        check_any(&any, &dice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expectations),
        cmocka_unit_test(test_one_part),
        cmocka_unit_test(test_properties),
    };
    return cmocka_run_group_tests_name("kit", tests, NULL, NULL);
}
