/* Keys and fingerprints against SHA-256 computed in one go, and published digests. */
#include "common/codec/event_key.h"

#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct event EVENT = {.type = EVENT_COUNTED,
                                   .source_name = {"wms", 3},
                                   .location_code = {"BER", 3},
                                   .sku = {"A", 1},
                                   .id = {"id-1", 4},
                                   .quantity = 5,
                                   .occurred_at_us = 1000000};

static void test_published_digests(void **state)
{
    (void)state;
    char hex[DIGEST_HEX_MAX];
    digest_sha256_hex(SPAN_OF(""), hex);
    assert_string_equal(
        hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256_hex(SPAN_OF("abc"), hex);
    assert_string_equal(
        hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_identity_is_of_the_canonical_bytes(void **state)
{
    (void)state;
    char room[EVENT_CANONICAL_MAX];
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct event_identity identity;
    struct event_hasher *hasher = event_hasher_new();
    assert_non_null(hasher);
    for (int round = 0; round < 3; round++) {
        event_identity(hasher, &EVENT, &identity);
        (void)SHA256((unsigned char *)room, event_key_bytes(&EVENT, room), digest);
        assert_memory_equal(identity.key, digest, EVENT_KEY_BYTES);
        (void)SHA256((unsigned char *)room, event_content_bytes(&EVENT, room), digest);
        uint64_t first;
        memcpy(&first, digest, sizeof(first));
        assert_true(identity.fingerprint == (int64_t)__builtin_bswap64(first));
    }
    event_hasher_free(&hasher);
    assert_null(hasher);
    event_hasher_free(&hasher);
}

/* Stands in ledgers of many versions: a changed key would let every repeat through. */
static void test_key_never_changes(void **state)
{
    (void)state;
    char text[UUID_TEXT_MAX];
    struct event_identity identity;
    struct event_hasher *hasher = event_hasher_new();
    assert_non_null(hasher);
    event_identity(hasher, &EVENT, &identity);
    event_hasher_free(&hasher);
    uuid_format(identity.key, text);
    assert_string_equal(text, "2f4d5ab4-b248-2461-eddd-99639418edef");
    assert_true(identity.fingerprint == -8529370464304407415LL);
}

static void test_other_content_has_another_fingerprint_under_the_same_key(void **state)
{
    (void)state;
    struct event_identity first;
    struct event_identity second;
    struct event_hasher *hasher = event_hasher_new();
    assert_non_null(hasher);
    struct event other = EVENT;
    other.quantity++;
    event_identity(hasher, &EVENT, &first);
    event_identity(hasher, &other, &second);
    event_hasher_free(&hasher);
    assert_memory_equal(first.key, second.key, EVENT_KEY_BYTES);
    assert_true(first.fingerprint != second.fingerprint);
}

static void test_uuid_text(void **state)
{
    (void)state;
    char text[UUID_TEXT_MAX];
    const unsigned char uuid[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                    0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    uuid_format(uuid, text);
    assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_digests),
        cmocka_unit_test(test_identity_is_of_the_canonical_bytes),
        cmocka_unit_test(test_key_never_changes),
        cmocka_unit_test(test_other_content_has_another_fingerprint_under_the_same_key),
        cmocka_unit_test(test_uuid_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
