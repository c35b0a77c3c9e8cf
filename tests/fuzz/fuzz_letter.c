/*
 * A dead letter of any bytes: what is read lies within them, what goes out can be read again
 * and names the letter once, and nothing of it reaches a terminal that a terminal acts on.
 * The first byte says how much of the rest are headers; the remainder is the value.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/codec/letter.h"
#include "common/codec/printable.h"
#include "common/codec/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX ((size_t)1024 * 1024)

static void check_within(struct span part, struct span whole)
{
    ASSERT(part.bytes == NULL ||
           (part.bytes >= whole.bytes &&
            part.bytes + part.length <= whole.bytes + whole.length));
}

static void check_retry(const struct letter *letter)
{
    SCOPED(buf_free) struct buf out = {0};
    struct span name;
    struct span value;
    size_t names = 0;
    buf_init(&out, BYTES_MAX);
    letter_retry_headers(letter, SPAN_OF("t/1/2"), &out);
    ASSERT(!out.failed);
    struct span left = buf_view(&out);
    while (headers_next(&left, &name, &value))
        if (span_is(name, LETTER_RETRY_HEADER)) {
            ASSERT(span_is(value, "t/1/2"));
            names++;
        }
    ASSERT(left.length == 0 && names == 1);
}

static void check_printed(struct span bytes)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, 8 * BYTES_MAX);
    buf_text(&out, "");
    printable_add(&out, bytes, SIZE_MAX);
    ASSERT(!out.failed && utf8_valid(buf_view(&out)));
    struct utf8_facts facts;
    ASSERT(utf8_measure(buf_view(&out), &facts) && !facts.control);
}

static void check_edit(struct span value)
{
    SCOPED(buf_free) struct buf edited = {0};
    struct error error = {0};
    buf_init(&edited, 8 * BYTES_MAX);
    buf_span(&edited, value);
    buf_text(&edited, "");
    if (letter_set(&edited, (value.length & 1) != 0, "quantity=7", &error) == STATUS_OK)
        ASSERT(strstr(edited.bytes, "\"quantity\":7") != NULL);
    else
        ASSERT(error.text[0] != '\0' && span_equal(buf_view(&edited), value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {(const char *)data, size};
    if (size == 0)
        return 0;
    size_t cut = (size - 1) * data[0] / 255;
    struct letter letter = {.headers = {bytes.bytes + 1, cut},
                            .value = {bytes.bytes + 1 + cut, size - 1 - cut}};
    struct cloud_attributes cloud;
    bool is_letter = letter_read(&letter);
    check_within(letter.received, letter.headers);
    check_within(letter.reason, letter.headers);
    check_within(letter.topic, letter.headers);
    check_within(letter.message, letter.headers);
    ASSERT(!is_letter || (letter.topic.bytes != NULL && letter.reason.bytes != NULL));
    letter_cloud(&letter, &cloud);
    if (is_letter)
        check_retry(&letter);
    check_printed(letter.value);
    check_edit(letter.value);
    return 0;
}
