/* Units that left the shops unseen: each witness, and that both count a sale once. */
#include "common/domain/unseen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND 1000000LL
#define SHOPS 2

static struct contract contract_of(struct shop shops[SHOPS], enum level_state first,
                                   enum level_state second)
{
    shops[0] = (struct shop){.mode = first};
    shops[1] = (struct shop){.mode = second};
    return (struct contract){.shops = shops, .shop_count = SHOPS};
}

struct expectation {
    const char *name;
    enum level_state modes[SHOPS];
    struct shop_units units[SHOPS];
    int64_t unseen; /* of the first shop */
};

#define BOTH_AVAILABLE                                                                   \
    {                                                                                    \
        LEVEL_AVAILABLE, LEVEL_AVAILABLE                                                 \
    }

static const struct expectation EXPECTATIONS[] = {
    {"nothing left", BOTH_AVAILABLE, {{0}, {0}}, 0},
    {"an order that no read has shown yet", BOTH_AVAILABLE, {{.ordered = 3}, {0}}, 3},
    {"a sale of which no order came", BOTH_AVAILABLE, {{.gone = 3}, {0}}, 3},
    {"both speak of the same sale", BOTH_AVAILABLE, {{.ordered = 3, .gone = 3}, {0}}, 3},
    {"one order is late", BOTH_AVAILABLE, {{.ordered = 3, .gone = 5}, {0}}, 5},
    {"our own sale after the read makes the write stale: it need not count",
     BOTH_AVAILABLE,
     {{.ordered = 3, .recent = 3, .gone = 5}, {0}},
     5},
    {"another shop's: one was read without its order, one was not read yet",
     BOTH_AVAILABLE,
     {{0}, {.ordered = 3, .recent = 3, .gone = 5}},
     8},
    {"cancelled before anybody read it",
     BOTH_AVAILABLE,
     {{.ordered = 3, .cancelled = 3}, {0}},
     0},
    {"what was missing at a read stays off until the source speaks again",
     BOTH_AVAILABLE,
     {{.ordered = 3, .cancelled = 3, .gone = 3}, {0}},
     3},
    {"a stranger's cancellation: its own order's event was lost",
     BOTH_AVAILABLE,
     {{.ordered = 3, .cancelled = 3, .gone = 6}, {0}},
     6},
    {"cancelled before its order came",
     BOTH_AVAILABLE,
     {{.cancelled = 2}, {.ordered = 4}},
     4},
    {"the other shop's too", BOTH_AVAILABLE, {{.ordered = 3}, {.gone = 4}}, 7},
    {"on_hand keeps ordered units itself",
     {LEVEL_ON_HAND, LEVEL_ON_HAND},
     {{.ordered = 3}, {0}},
     0},
    {"on_hand: shipped units are gone",
     {LEVEL_ON_HAND, LEVEL_ON_HAND},
     {{.ordered = 3, .gone = 2}, {0}},
     2},
    {"on_hand: what another shop sold is not kept by this one",
     {LEVEL_ON_HAND, LEVEL_AVAILABLE},
     {{.ordered = 3}, {.ordered = 4, .gone = 1}},
     4},
};

static void test_expectations(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(EXPECTATIONS) / sizeof(*EXPECTATIONS); at++) {
        const struct expectation *wanted = &EXPECTATIONS[at];
        struct shop shops[SHOPS];
        struct contract contract = contract_of(shops, wanted->modes[0], wanted->modes[1]);
        if (unseen_units(&contract, 0, wanted->units) != wanted->unseen)
            fail_msg("%s", wanted->name);
        int64_t shares = 0;
        for (size_t shop = 0; shop < SHOPS; shop++)
            shares += unseen_share(&wanted->units[shop],
                                   shop > 0                            ? UNSEEN_OTHER
                                   : wanted->modes[0] == LEVEL_ON_HAND ? UNSEEN_KEPT
                                                                       : UNSEEN_OWN);
        assert_int_equal(shares, wanted->unseen);
    }
}

/*
 * Our own shop's sales are all in the last read, or the write will be stale; another shop's
 * are in its last read or have their order. Whatever else is lost or cancelled, never less
 * is taken off than was sold.
 */
static unsigned draw(uint64_t *dice, unsigned sides)
{
    *dice = *dice * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(*dice >> 33) % sides;
}

static void sell(uint64_t *dice, struct shop_units *shop, bool is_own, int64_t *sold)
{
    int64_t taken = 1 + draw(dice, 4);
    bool is_read = is_own || draw(dice, 2) == 0;
    bool is_cancelled = draw(dice, 4) == 0;
    bool is_ordered = !is_read || draw(dice, 2) == 0;
    shop->gone += is_read ? taken : 0;
    shop->ordered += is_ordered ? taken : 0;
    shop->recent += is_read ? 0 : taken;
    shop->cancelled += is_cancelled ? taken : 0;
    *sold += is_cancelled ? 0 : taken;
}

static void sell_in(uint64_t *dice, struct shop_units *units, int64_t *sold)
{
    unsigned shop = draw(dice, SHOPS);
    sell(dice, &units[shop], shop == 0, sold);
}

static void test_no_sale_is_missed(void **state)
{
    (void)state;
    uint64_t dice = 5;
    for (int round = 0; round < 20000; round++) {
        struct shop shops[SHOPS];
        struct contract contract = contract_of(shops, LEVEL_AVAILABLE, LEVEL_AVAILABLE);
        struct shop_units units[SHOPS] = {0};
        int64_t sold = 0;
        for (unsigned sale = draw(&dice, 6); sale > 0; sale--)
            sell_in(&dice, units, &sold);
        assert_true(unseen_units(&contract, 0, units) >= sold);
    }
}

static void test_watermark(void **state)
{
    (void)state;
    const struct source source = {.order_lag_seconds = 30};
    struct reading reading = {
        .exists = true, .has_count = true, .counted_at_us = 100 * SECOND};
    assert_int_equal(unseen_after_us(LEVEL_AVAILABLE, &source, &reading), 70 * SECOND);
    reading.has_sees_orders_until = true;
    reading.sees_orders_until_us = 95 * SECOND;
    assert_int_equal(unseen_after_us(LEVEL_AVAILABLE, &source, &reading), 95 * SECOND);
    assert_int_equal(unseen_after_us(LEVEL_ON_HAND, &source, &reading), 70 * SECOND);
    reading.has_adjusted = true;
    reading.adjusted_at_us = 200 * SECOND;
    assert_int_equal(unseen_after_us(LEVEL_ON_HAND, &source, &reading), 170 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expectations),
        cmocka_unit_test(test_no_sale_is_missed),
        cmocka_unit_test(test_watermark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
