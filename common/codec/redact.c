#include "common/codec/redact.h"

#define TOKEN_MIN 16 /* bytes behind the prefix of an access token */

bool redact_add(struct redact *redact, struct span secret)
{
    if (secret.length < REDACT_SECRET_MIN)
        return true;
    for (size_t at = 0; at < redact->count; at++)
        if (span_equal(redact->secrets[at], secret))
            return true;
    if (redact->count == REDACT_SECRETS_MAX)
        return false;
    redact->secrets[redact->count++] = secret;
    return true;
}

/* ---- connection strings ----------------------------------------------------------------- */

static size_t find(struct span text, size_t at, char wanted)
{
    while (at < text.length && text.bytes[at] != wanted)
        at++;
    return at;
}

static size_t find_text(struct span text, size_t at, struct span wanted)
{
    while (at + wanted.length <= text.length &&
           memcmp(text.bytes + at, wanted.bytes, wanted.length) != 0)
        at++;
    return at + wanted.length <= text.length ? at : text.length;
}

static int hex(char sign)
{
    if (sign >= '0' && sign <= '9')
        return sign - '0';
    if (sign >= 'a' && sign <= 'f')
        return sign - 'a' + 10;
    return sign >= 'A' && sign <= 'F' ? sign - 'A' + 10 : -1;
}

/* Both as it is written and as it is meant. */
static bool add_encoded(struct redact *redact, struct span secret, struct pool *pool)
{
    size_t length = 0;
    char *meant = pool_take(pool, secret.length + 1);
    if (meant == NULL)
        return false;
    for (size_t at = 0; at < secret.length; at++) {
        int high = at + 2 < secret.length ? hex(secret.bytes[at + 1]) : -1;
        int low = at + 2 < secret.length ? hex(secret.bytes[at + 2]) : -1;
        bool is_escape = secret.bytes[at] == '%' && high >= 0 && low >= 0;
        meant[length++] = is_escape ? (char)(high * 16 + low) : secret.bytes[at];
        at += is_escape ? 2 : 0;
    }
    return redact_add(redact, secret) && redact_add(redact, (struct span){meant, length});
}

/* "scheme://user:password@host" */
static bool add_of_uri(struct redact *redact, struct span dsn, struct pool *pool)
{
    size_t begin = find_text(dsn, 0, SPAN_OF("://"));
    if (begin == dsn.length)
        return true;
    begin += 3;
    size_t end = find(dsn, begin, '/');
    struct span host = {dsn.bytes + begin, end - begin};
    size_t sign = host.length;
    for (size_t at = 0; at < host.length; at++)
        sign = host.bytes[at] == '@' ? at : sign;
    size_t colon = find(host, 0, ':');
    if (sign == host.length || colon >= sign)
        return true;
    return add_encoded(redact, (struct span){host.bytes + colon + 1, sign - colon - 1},
                       pool);
}

static size_t skip_spaces(struct span text, size_t at)
{
    while (at < text.length && text.bytes[at] == ' ')
        at++;
    return at;
}

/* The value that begins at `at`, quoted or not; also a parameter of a URI. */
static struct span value_at(struct span dsn, size_t at)
{
    if (at < dsn.length && dsn.bytes[at] == '\'')
        return (struct span){dsn.bytes + at + 1, find(dsn, at + 1, '\'') - at - 1};
    size_t end = find(dsn, at, ' ');
    size_t more = find(dsn, at, '&');
    return (struct span){dsn.bytes + at, (more < end ? more : end) - at};
}

/* "password=.." */
static bool add_of_pairs(struct redact *redact, struct span dsn, struct pool *pool)
{
    static const struct span NAME = {"password", 8};
    bool fits = true;
    for (size_t at = find_text(dsn, 0, NAME); fits && at < dsn.length;
         at = find_text(dsn, at, NAME)) {
        at = skip_spaces(dsn, at + NAME.length);
        if (at < dsn.length && dsn.bytes[at] == '=')
            fits = add_encoded(redact, value_at(dsn, skip_spaces(dsn, at + 1)), pool);
    }
    return fits;
}

bool redact_add_dsn(struct redact *redact, struct span dsn, struct pool *pool)
{
    return add_of_uri(redact, dsn, pool) && add_of_pairs(redact, dsn, pool);
}

/* ---- texts -------------------------------------------------------------------------------- */

static bool is_word(char sign)
{
    return (sign >= 'a' && sign <= 'z') || (sign >= 'A' && sign <= 'Z') ||
           (sign >= '0' && sign <= '9') || sign == '_' || sign == '-' || sign == '.' ||
           sign == '+' || sign == '%';
}

static size_t secret_at(const struct redact *redact, struct span text, size_t at)
{
    size_t longest = 0;
    for (size_t number = 0; number < redact->count; number++) {
        struct span secret = redact->secrets[number];
        if (secret.length > longest && at + secret.length <= text.length &&
            memcmp(text.bytes + at, secret.bytes, secret.length) == 0)
            longest = secret.length;
    }
    return longest;
}

static size_t word_end(struct span text, size_t at)
{
    while (at < text.length && is_word(text.bytes[at]))
        at++;
    return at;
}

/* The shop's tokens: shpat_, shpca_, shpss_, .. */
static size_t token_at(struct span text, size_t at)
{
    size_t end = 0;
    if (at + 6 > text.length || memcmp(text.bytes + at, "shp", 3) != 0 ||
        text.bytes[at + 5] != '_')
        return 0;
    end = word_end(text, at);
    return end - at >= 6 + TOKEN_MIN ? end - at : 0;
}

/* "name@host.tld" that begins here. */
static size_t address_at(struct span text, size_t at)
{
    size_t sign = word_end(text, at);
    if ((at > 0 && is_word(text.bytes[at - 1])) || sign == at || sign == text.length ||
        text.bytes[sign] != '@')
        return 0;
    size_t end = word_end(text, sign + 1);
    for (size_t dot = sign + 2; dot < end; dot++)
        if (text.bytes[dot] == '.')
            return end - at;
    return 0;
}

void redact_text(const struct redact *redact, struct span text, struct buf *out)
{
    for (size_t at = 0; at < text.length;) {
        size_t length = secret_at(redact, text, at);
        if (length == 0)
            length = token_at(text, at);
        if (length == 0)
            length = address_at(text, at);
        if (length > 0)
            buf_text(out, REDACTED);
        else
            buf_byte(out, text.bytes[at]);
        at += length > 0 ? length : 1;
    }
}
