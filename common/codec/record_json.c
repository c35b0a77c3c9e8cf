#include "common/codec/record_json.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/codec/json_shape.h"
#include "common/codec/json_text.h"
#include "common/codec/utf8.h"

#include <jansson.h>
#include <openssl/evp.h>

#define PLAIN_MAX ((size_t)48 * 1024) /* a longer text could double by its escapes */
#define BYTES_MAX ((size_t)4 * 1024 * 1024)
#define HEADERS_MAX 1000
#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/* ---- writing ------------------------------------------------------------------------------- */

static void write_base64(struct span bytes, struct buf *out)
{
    buf_text(out, "{\"base64\":\"");
    size_t room = (bytes.length + 2) / 3 * 4;
    unsigned char *at = buf_extend(out, room + 1); /* it ends in a NUL of its own */
    if (at != NULL) {
        (void)EVP_EncodeBlock(at, (const unsigned char *)bytes.bytes, (int)bytes.length);
        out->length--;
    }
    buf_text(out, "\"}");
}

static bool is_text(struct span bytes)
{
    return bytes.length <= PLAIN_MAX && utf8_valid(bytes) &&
           (bytes.length == 0 || memchr(bytes.bytes, '\0', bytes.length) == NULL);
}

static void write_bytes(struct span bytes, struct buf *out)
{
    if (bytes.bytes != NULL && (bytes.length > BYTES_MAX || !is_text(bytes)))
        write_base64(bytes, out);
    else
        json_text(out, bytes);
}

static void write_headers(struct span headers, struct buf *out)
{
    struct span name;
    struct span value;
    bool is_first = true;
    buf_byte(out, '[');
    while (headers_next(&headers, &name, &value)) {
        buf_text(out, is_first ? "[" : ",[");
        is_first = false;
        write_bytes(name, out);
        buf_byte(out, ',');
        write_bytes(value, out);
        buf_byte(out, ']');
    }
    buf_byte(out, ']');
}

void record_json_write(const struct archived_record *record, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "topic", record->topic);
    json_member_number(out, "partition", record->partition);
    json_member_number(out, "offset", record->offset);
    json_member_number(out, "timestamp_ms", record->timestamp_ms);
    json_name(out, "key");
    write_bytes(record->key, out);
    json_name(out, "value");
    write_bytes(record->value, out);
    json_name(out, "headers");
    write_headers(record->headers, out);
    buf_byte(out, '}');
}

/* ---- reading ------------------------------------------------------------------------------- */

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

static enum status wrong(struct error *error, const char *name)
{
    return error_set(error, STATUS_REJECT, "no archived record: /%s is missing or wrong",
                     name);
}

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "replay: out of memory for a record");
}

/* The padding is counted as bytes by the library. */
static size_t padding_of(struct span text)
{
    size_t count = 0;
    while (count < 2 && count < text.length && text.bytes[text.length - 1 - count] == '=')
        count++;
    return count;
}

static bool read_base64(struct span text, struct pool *pool, struct span *out)
{
    size_t padding = padding_of(text);
    if (text.bytes == NULL || text.length % 4 != 0 || text.length > BYTES_MAX ||
        strspn(text.bytes, ALPHABET) != text.length - padding)
        return false;
    if (text.length == 0) {
        *out = SPAN_OF("");
        return true;
    }
    unsigned char *room = pool_take(pool, text.length / 4 * 3 + 1);
    int length = room == NULL ? -1
                              : EVP_DecodeBlock(room, (const unsigned char *)text.bytes,
                                                (int)text.length);
    if (length < 0)
        return false;
    *out = (struct span){(const char *)room, (size_t)length - padding};
    return true;
}

/* Text, {"base64": ".."} or null. */
static bool read_bytes(json_t *json, struct pool *pool, struct span *out)
{
    *out = (struct span){0};
    if (json_is_null(json))
        return true;
    if (json_is_object(json))
        return json_object_size(json) == 1 &&
               read_base64(json_span(json_object_get(json, "base64")), pool, out);
    if (!json_is_string(json))
        return false;
    *out = pool_span(pool, json_span(json));
    return out->bytes != NULL;
}

static bool read_header(json_t *pair, struct pool *pool, struct buf *out)
{
    struct span name;
    struct span value;
    if (json_array_size(pair) != 2 || !read_bytes(json_array_get(pair, 0), pool, &name) ||
        !read_bytes(json_array_get(pair, 1), pool, &value) || name.bytes == NULL)
        return false;
    headers_add(out, name, value);
    return true;
}

static enum status read_headers(json_t *headers, struct pool *pool, struct span *out,
                                struct error *error)
{
    SCOPED(buf_free) struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    if (!json_is_array(headers) || json_array_size(headers) > HEADERS_MAX)
        return wrong(error, "headers");
    for (size_t at = 0; at < json_array_size(headers); at++)
        if (!read_header(json_array_get(headers, at), pool, &bytes))
            return wrong(error, "headers");
    if (bytes.failed)
        return out_of_memory(error);
    if (bytes.length == 0) {
        *out = SPAN_OF("");
        return STATUS_OK;
    }
    *out = pool_buf(pool, &bytes);
    return out->bytes != NULL ? STATUS_OK : out_of_memory(error);
}

static enum status read_number(json_t *root, const char *name, int64_t least,
                               int64_t *out, struct error *error)
{
    json_t *number = json_object_get(root, name);
    *out = json_integer_value(number);
    return json_is_integer(number) && *out >= least ? STATUS_OK : wrong(error, name);
}

static enum status read_place(json_t *root, struct archived_record *record,
                              struct error *error)
{
    int64_t partition = 0;
    enum status status = read_number(root, "partition", 0, &partition, error);
    if (status == STATUS_OK && partition > INT32_MAX)
        status = wrong(error, "partition");
    if (status == STATUS_OK)
        status = read_number(root, "offset", 0, &record->offset, error);
    if (status == STATUS_OK)
        status = read_number(root, "timestamp_ms", -1, &record->timestamp_ms, error);
    record->partition = (int32_t)partition;
    return status;
}

enum status record_json_read(struct span line, struct pool *pool,
                             struct archived_record *record_out, struct error *error)
{
    struct archived_record record = {0};
    json_error_t fault;
    SCOPED(release_json)
    json_t *root = json_loadb(line.bytes, line.length, JSON_REJECT_DUPLICATES, &fault);
    if (root == NULL || !json_is_object(root))
        return error_set(error, STATUS_REJECT, "no archived record: not a JSON object");
    record.topic = pool_span(pool, json_span(json_object_get(root, "topic")));
    if (!json_is_string(json_object_get(root, "topic")))
        return wrong(error, "topic");
    enum status status = read_place(root, &record, error);
    if (status != STATUS_OK)
        return status;
    if (!read_bytes(json_object_get(root, "key"), pool, &record.key))
        return wrong(error, "key");
    if (!read_bytes(json_object_get(root, "value"), pool, &record.value))
        return wrong(error, "value");
    status = read_headers(json_object_get(root, "headers"), pool, &record.headers, error);
    if (status == STATUS_OK)
        *record_out = record;
    return status;
}
