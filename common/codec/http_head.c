#include "common/codec/http_head.h"

#include "common/base/check.h"

#include <strings.h>

#define METHOD_MAX 32
#define LENGTH_DIGITS_MAX 19 /* more would overflow */

static bool refuse(struct http_refusal *refusal, int status, const char *why)
{
    *refusal = (struct http_refusal){.status = status, .why = why};
    return false;
}

/* ---- where it ends ---------------------------------------------------------------------- */

static bool is_control(unsigned char byte)
{
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

static enum http_progress too_long(struct span bytes, struct http_refusal *refusal)
{
    bool first_line = memchr(bytes.bytes, '\n', HTTP_HEAD_MAX) == NULL;
    (void)refuse(refusal, first_line ? 414 : 431,
                 first_line ? "the target is too long"
                            : "the head is larger than 16 KiB");
    return HTTP_REFUSED;
}

enum http_progress http_head_scan(struct span bytes, size_t *at,
                                  struct http_refusal *refusal)
{
    const char *text = bytes.bytes;
    for (; *at < bytes.length; (*at)++) {
        unsigned char byte = (unsigned char)text[*at];
        bool behind_cr = *at > 0 && text[*at - 1] == '\r';
        if (*at >= HTTP_HEAD_MAX)
            return too_long(bytes, refusal);
        if (behind_cr != (byte == '\n') ||
            (byte != '\r' && byte != '\n' && is_control(byte))) {
            (void)refuse(refusal, 400,
                         "a line of the head holds a control character, or does not end "
                         "in CR LF");
            return HTTP_REFUSED;
        }
        if (byte == '\n' && *at >= 3 && memcmp(text + *at - 3, "\r\n\r", 3) == 0) {
            (*at)++;
            return HTTP_COMPLETE;
        }
    }
    return HTTP_MORE;
}

/* ---- lines ------------------------------------------------------------------------------ */

/* RFC 9110, section 5.6.2 */
static bool is_token_byte(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') ||
           (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static bool is_token(struct span text)
{
    for (size_t at = 0; at < text.length; at++)
        if (!is_token_byte((unsigned char)text.bytes[at]))
            return false;
    return text.length > 0;
}

/* Takes the line off, without its CR LF. */
static struct span take_line(struct span *rest)
{
    const char *end = memchr(rest->bytes, '\r', rest->length);
    ASSERT(end != NULL && end + 1 < rest->bytes + rest->length && end[1] == '\n');
    struct span line = {rest->bytes, (size_t)(end - rest->bytes)};
    rest->bytes = end + 2;
    rest->length -= line.length + 2;
    return line;
}

static struct span take_word(struct span *rest)
{
    const char *end = memchr(rest->bytes, ' ', rest->length);
    size_t length = end != NULL ? (size_t)(end - rest->bytes) : rest->length;
    struct span word = {rest->bytes, length};
    size_t taken = end != NULL ? length + 1 : length;
    rest->bytes += taken;
    rest->length -= taken;
    return word;
}

/* Origin form only: what names a host in the target could differ from the Host header. */
static bool take_target(struct span target, struct http_head *head,
                        struct http_refusal *refusal)
{
    if (target.length == 0 || target.bytes[0] != '/')
        return refuse(refusal, 400, "the target must begin with '/'");
    if (target.length > HTTP_TARGET_MAX)
        return refuse(refusal, 414, "the target is too long");
    for (size_t at = 0; at < target.length; at++) {
        unsigned char byte = (unsigned char)target.bytes[at];
        if (byte <= 0x20 || byte >= 0x7f || byte == '#')
            return refuse(refusal, 400,
                          "the target holds a character that is not allowed");
    }
    const char *mark = memchr(target.bytes, '?', target.length);
    head->path = target;
    if (mark == NULL)
        return true;
    head->path.length = (size_t)(mark - target.bytes);
    head->query = (struct span){mark + 1, target.length - head->path.length - 1};
    return true;
}

static bool take_version(struct span version, struct http_head *head,
                         struct http_refusal *refusal)
{
    if (span_is(version, "HTTP/1.1"))
        head->keeps_alive = true;
    else if (version.length == 8 && memcmp(version.bytes, "HTTP/", 5) == 0 &&
             version.bytes[6] == '.' && !span_is(version, "HTTP/1.0"))
        return refuse(refusal, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    else if (!span_is(version, "HTTP/1.0"))
        return refuse(refusal, 400, "the first line is no request of HTTP");
    return true;
}

static bool take_first_line(struct span line, struct http_head *head,
                            struct http_refusal *refusal)
{
    head->method = take_word(&line);
    struct span target = take_word(&line);
    if (!is_token(head->method) || head->method.length > METHOD_MAX ||
        memchr(line.bytes, ' ', line.length) != NULL)
        return refuse(refusal, 400, "the first line is no request of HTTP");
    return take_version(line, head, refusal) && take_target(target, head, refusal);
}

static struct span trimmed(struct span text)
{
    while (text.length > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 &&
           (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t'))
        text.length--;
    return text;
}

static bool take_header(struct span line, struct http_head *head,
                        struct http_refusal *refusal)
{
    if (head->header_count == HTTP_HEADERS_MAX)
        return refuse(refusal, 431, "more than 100 headers");
    const char *colon = memchr(line.bytes, ':', line.length);
    size_t length = colon != NULL ? (size_t)(colon - line.bytes) : 0;
    struct span name = {line.bytes, length};
    /* a folded line begins with white space, which is no part of a name */
    if (colon == NULL || !is_token(name))
        return refuse(refusal, 400, "a header is not 'name: value'");
    struct span value = {colon + 1, line.length - length - 1};
    head->headers[head->header_count++] =
        (struct http_header){.name = name, .value = trimmed(value)};
    return true;
}

/* ---- what the headers mean ----------------------------------------------------------------- */

bool http_name_is(struct span name, const char *wanted)
{
    return name.length == strlen(wanted) &&
           strncasecmp(name.bytes, wanted, name.length) == 0;
}

struct span http_head_value(const struct http_head *head, const char *name,
                            size_t *count_out)
{
    struct span found = {0};
    size_t count = 0;
    for (size_t at = 0; at < head->header_count; at++) {
        if (!http_name_is(head->headers[at].name, name))
            continue;
        found = head->headers[at].value;
        count++;
    }
    if (count_out != NULL)
        *count_out = count;
    return count == 1 ? found : (struct span){0};
}

static bool take_length(struct span digits, struct http_head *head)
{
    uint64_t value = 0;
    if (digits.length == 0 || (digits.length > 1 && digits.bytes[0] == '0'))
        return false;
    for (size_t at = 0; at < digits.length; at++) {
        if (digits.bytes[at] < '0' || digits.bytes[at] > '9')
            return false;
        if (at < LENGTH_DIGITS_MAX)
            value = value * 10 + (uint64_t)(digits.bytes[at] - '0');
    }
    head->content_length = digits.length > LENGTH_DIGITS_MAX ? UINT64_MAX : value;
    head->framing = value > 0 ? HTTP_LENGTH : HTTP_NO_BODY;
    return true;
}

static bool judge_framing(struct http_head *head, struct http_refusal *refusal)
{
    size_t lengths = 0;
    size_t codings = 0;
    struct span length = http_head_value(head, "content-length", &lengths);
    struct span coding = http_head_value(head, "transfer-encoding", &codings);
    head->has_length = lengths + codings > 0;
    if (lengths + codings > 1)
        return refuse(refusal, 400,
                      "Content-Length or Transfer-Encoding stand there twice, or both");
    if (lengths == 1 && !take_length(length, head))
        return refuse(refusal, 400, "Content-Length is not a plain decimal number");
    if (codings == 0)
        return true;
    if (!http_name_is(coding, "chunked") || !head->keeps_alive)
        return refuse(refusal, 400,
                      "the only Transfer-Encoding is 'chunked', in HTTP/1.1");
    head->framing = HTTP_CHUNKED;
    return true;
}

static bool judge_host(const struct http_head *head, struct http_refusal *refusal)
{
    size_t count = 0;
    struct span host = http_head_value(head, "host", &count);
    if (count > 1 || (count == 0 && head->keeps_alive))
        return refuse(refusal, 400, "there must be exactly one Host header");
    for (size_t at = 0; at < host.length; at++)
        if (strchr(" \t,/@", host.bytes[at]) != NULL)
            return refuse(refusal, 400, "the Host header is not one host");
    return true;
}

/* One of the comma-separated words of a header. */
static bool has_word(struct span list, const char *wanted)
{
    while (list.length > 0) {
        const char *comma = memchr(list.bytes, ',', list.length);
        size_t length = comma != NULL ? (size_t)(comma - list.bytes) : list.length;
        if (http_name_is(trimmed((struct span){list.bytes, length}), wanted))
            return true;
        size_t taken = comma != NULL ? length + 1 : length;
        list.bytes += taken;
        list.length -= taken;
    }
    return false;
}

static bool judge_rest(struct http_head *head, struct http_refusal *refusal)
{
    size_t expectations = 0;
    struct span expected = http_head_value(head, "expect", &expectations);
    if (expectations > 1 ||
        (expectations == 1 && !http_name_is(expected, "100-continue")))
        return refuse(refusal, 417, "the only expectation known is 100-continue");
    head->expects_continue = expectations == 1 && head->keeps_alive;
    for (size_t at = 0; at < head->header_count; at++)
        if (http_name_is(head->headers[at].name, "connection") &&
            has_word(head->headers[at].value, "close"))
            head->keeps_alive = false;
    return true;
}

bool http_head_parse(struct span bytes, struct http_head *head,
                     struct http_refusal *refusal)
{
    *head = (struct http_head){0};
    if (!take_first_line(take_line(&bytes), head, refusal))
        return false;
    while (bytes.length > 2)
        if (!take_header(take_line(&bytes), head, refusal))
            return false;
    return judge_framing(head, refusal) && judge_host(head, refusal) &&
           judge_rest(head, refusal);
}

/* ---- escapes -------------------------------------------------------------------------------- */

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

bool http_percent_decode(struct span text, char *room, size_t size, struct span *text_out)
{
    size_t length = 0;
    for (size_t at = 0; at < text.length; at++) {
        char byte = text.bytes[at];
        if (length == size)
            return false;
        if (byte == '%') {
            int high = text.length - at > 2 ? hex_digit(text.bytes[at + 1]) : -1;
            int low = text.length - at > 2 ? hex_digit(text.bytes[at + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            byte = (char)(high * 16 + low);
            at += 2;
        }
        room[length++] = byte;
    }
    *text_out = (struct span){room, length};
    return true;
}
