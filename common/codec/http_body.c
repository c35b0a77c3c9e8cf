#include "common/codec/http_body.h"

#define CHUNK_DIGITS_MAX 8

static enum http_progress refuse(struct http_refusal *refusal, int status,
                                 const char *why)
{
    *refusal = (struct http_refusal){.status = status, .why = why};
    return HTTP_REFUSED;
}

static enum http_progress too_large(struct http_refusal *refusal)
{
    return refuse(refusal, 413, "the body is larger than this address takes");
}

enum http_progress http_body_begin(struct http_body *body, const struct http_head *head,
                                   uint64_t max, struct http_refusal *refusal)
{
    *body = (struct http_body){.framing = head->framing, .max = max};
    switch (head->framing) {
    case HTTP_NO_BODY:
        body->at = HTTP_AT_END;
        return HTTP_COMPLETE;
    case HTTP_LENGTH:
        body->left = head->content_length;
        return body->left > max ? too_large(refusal) : HTTP_MORE;
    case HTTP_CHUNKED:
        body->at = HTTP_AT_SIZE;
        return HTTP_MORE;
    }
    return HTTP_MORE;
}

/* A run of the body's own bytes. */
static struct span take_data(struct http_body *body, struct span *bytes)
{
    size_t length = bytes->length;
    if (length > body->left)
        length = (size_t)body->left;
    struct span data = {bytes->bytes, length};
    bytes->bytes += length;
    bytes->length -= length;
    body->left -= length;
    if (body->left == 0)
        body->at = body->framing == HTTP_CHUNKED ? HTTP_AT_DATA_CR : HTTP_AT_END;
    return data;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

static bool take_digit(struct http_body *body, char byte)
{
    int digit = hex_digit(byte);
    if (digit < 0 || body->digits == CHUNK_DIGITS_MAX)
        return false;
    body->left = body->left * 16 + (uint64_t)digit;
    body->digits++;
    body->at = HTTP_AT_SIZE_MORE;
    return true;
}

/* The line of a chunk's size is through. */
static bool begin_chunk(struct http_body *body)
{
    body->digits = 0;
    body->total += body->left;
    body->at = body->left > 0 ? HTTP_AT_DATA : HTTP_AT_END_CR;
    return body->total <= body->max;
}

struct framing_byte {
    char byte;
    enum http_body_at next;
};

/* Places where exactly one byte is right. */
static const struct framing_byte FIXED[] = {
    [HTTP_AT_DATA_CR] = {'\r', HTTP_AT_DATA_LF},
    [HTTP_AT_DATA_LF] = {'\n', HTTP_AT_SIZE},
    [HTTP_AT_END_CR] = {'\r', HTTP_AT_END_LF},
    [HTTP_AT_END_LF] = {'\n', HTTP_AT_END},
};

static enum http_progress eat_framing(struct http_body *body, char byte,
                                      struct http_refusal *refusal)
{
    static const char WHY[] = "the chunks of the body are malformed; extensions and "
                              "trailers are not taken";
    bool is_size = body->at == HTTP_AT_SIZE || body->at == HTTP_AT_SIZE_MORE;
    if (body->at == HTTP_AT_SIZE_MORE && byte == '\r') {
        body->at = HTTP_AT_SIZE_LF;
        return HTTP_MORE;
    }
    if (is_size)
        return take_digit(body, byte) ? HTTP_MORE : refuse(refusal, 400, WHY);
    if (body->at == HTTP_AT_SIZE_LF) {
        if (byte != '\n')
            return refuse(refusal, 400, WHY);
        return begin_chunk(body) ? HTTP_MORE : too_large(refusal);
    }
    if (byte != FIXED[body->at].byte)
        return refuse(refusal, 400, WHY);
    body->at = FIXED[body->at].next;
    return body->at == HTTP_AT_END ? HTTP_COMPLETE : HTTP_MORE;
}

enum http_progress http_body_eat(struct http_body *body, struct span *bytes,
                                 struct span *data_out, struct http_refusal *refusal)
{
    *data_out = (struct span){bytes->bytes, 0};
    if (body->at == HTTP_AT_DATA)
        *data_out = take_data(body, bytes);
    while (body->at != HTTP_AT_DATA && body->at != HTTP_AT_END && bytes->length > 0) {
        char byte = bytes->bytes[0];
        bytes->bytes++;
        bytes->length--;
        enum http_progress progress = eat_framing(body, byte, refusal);
        if (progress != HTTP_MORE)
            return progress;
    }
    return body->at == HTTP_AT_END ? HTTP_COMPLETE : HTTP_MORE;
}
