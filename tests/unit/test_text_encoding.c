/* Encodings to UTF-8: marks, every way to cut the bytes, and what is no text. */
#include "common/codec/text_encoding.h"
#include "common/codec/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct example {
    enum text_encoding encoding;
    struct span bytes;
    const char *text;
};

#define BYTES(literal)                                                                   \
    {                                                                                    \
        (literal), sizeof(literal) - 1                                                   \
    }

static const struct example EXAMPLES[] = {
    {TEXT_BY_MARK, BYTES("a\xc3\xa4"), "a\xc3\xa4"},
    {TEXT_BY_MARK, BYTES(""), ""},
    {TEXT_BY_MARK, BYTES("\xef\xbb\xbf"), ""},
    {TEXT_BY_MARK, BYTES("\xef\xbb\xbf\xef\xbb\xbf"), "\xef\xbb\xbf"},
    {TEXT_BY_MARK, BYTES("\xef\xbb"), "\xef\xbb"},
    {TEXT_BY_MARK,
     BYTES("\xff\xfe"
           "a\0\xe4\0"),
     "a\xc3\xa4"},
    {TEXT_BY_MARK, BYTES("\xfe\xff\0a\0\xe4"), "a\xc3\xa4"},
    {TEXT_UTF_8,
     BYTES("\xff\xfe"
           "ab"),
     "\xff\xfe"
     "ab"},
    {TEXT_UTF_8,
     BYTES("\xef\xbb\xbf"
           "a"),
     "a"},
    {TEXT_UTF_16, BYTES("a\0b\0"), "ab"},
    {TEXT_UTF_16, BYTES("\xfe\xff\0a"), "a"},
    {TEXT_UTF_16BE, BYTES("\0a\xd8\x3d\xde\0"), "a\xf0\x9f\x98\x80"},
    {TEXT_UTF_16LE, BYTES("\x3d\xd8\0\xde"), "\xf0\x9f\x98\x80"},
    {TEXT_UTF_16LE,
     BYTES("\x3d\xd8"
           "a\0"),
     "\xff"
     "a"},
    {TEXT_UTF_16LE, BYTES("\0\xde"), "\xff"},
    {TEXT_UTF_16LE, BYTES("\x3d\xd8"), "\xff"},
    {TEXT_UTF_16LE, BYTES("a\0b"), "a\xff"},
    {TEXT_UTF_16LE,
     BYTES("\x3d\xd8"
           "b"),
     "\xff\xff"},
    {TEXT_ISO_8859_1, BYTES("\xe4\x80z"), "\xc3\xa4\xc2\x80z"},
    {TEXT_WINDOWS_1252, BYTES("\xe4\x80z"), "\xc3\xa4\xe2\x82\xacz"},
    {TEXT_WINDOWS_1252, BYTES("\x81"), "\xff"},
};

static void check(const struct example *example, size_t piece, size_t room_size)
{
    struct text_decoder decoder;
    struct span left = example->bytes;
    char room[64];
    char text[256];
    size_t length = 0;
    text_decoder_init(&decoder, example->encoding);
    do {
        struct span given = {left.bytes, left.length < piece ? left.length : piece};
        bool last = given.length == left.length;
        left.bytes += given.length;
        left.length -= given.length;
        do {
            size_t got = text_decode(&decoder, &given, last, room, room_size);
            memcpy(text + length, room, got);
            length += got;
        } while (given.length > 0 || (last && text_decoder_owes(&decoder)));
    } while (left.length > 0);
    text[length] = '\0';
    assert_string_equal(text, example->text);
}

static void every_cut_gives_the_same(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(EXAMPLES) / sizeof(*EXAMPLES); at++)
        for (size_t piece = 1; piece < 9; piece++)
            for (size_t size = TEXT_DECODE_ROOM_MIN; size < 20; size++)
                check(&EXAMPLES[at], piece, size);
}

static void long_texts_go_through(void **state)
{
    static char bytes[4096];
    char room[TEXT_DECODE_ROOM_MIN];
    (void)state;
    for (int encoding = TEXT_BY_MARK; encoding < TEXT_ENCODING_COUNT; encoding++) {
        struct text_decoder decoder;
        struct span left = {bytes, sizeof(bytes)};
        memset(bytes, 'x', sizeof(bytes));
        text_decoder_init(&decoder, (enum text_encoding)encoding);
        size_t length = 0;
        while (left.length > 0)
            length += text_decode(&decoder, &left, true, room, sizeof(room));
        assert_true(length >= sizeof(bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(long_texts_go_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
