#include "common/runtime/source_tokens.h"

#include "common/runtime/config.h"

#include <strings.h>

#define VARIABLE_MAX 256
#define SCHEME "Bearer "

enum status source_token(const struct source *source, char *room, size_t size,
                         const char **value_out, struct error *error)
{
    *value_out = NULL;
    room[0] = '\0';
    if (!config_source_variable(source->name, "_TOKEN", room, size))
        return STATUS_OK;
    return config_secret(room, value_out, error);
}

static enum status load_one(const struct contract *contract, size_t source,
                            struct source_tokens *tokens, struct error *error)
{
    char variable[VARIABLE_MAX];
    const char *value = NULL;
    struct span name = contract->sources[source].name;
    enum status status = source_token(&contract->sources[source], variable,
                                      sizeof(variable), &value, error);
    if (status != STATUS_OK || value == NULL)
        return status;
    tokens->digests[source] = secret_digest(span_from(value));
    tokens->given[source] = true;
    tokens->speaking++;
    for (size_t other = 0; other < source; other++) {
        if (!tokens->given[other] ||
            !secret_digest_equal(&tokens->digests[other], &tokens->digests[source]))
            continue;
        (void)error_set(error, STATUS_FATAL,
                        "sources '%.*s' and '%.*s' have the same token: nobody could say "
                        "who speaks; give each its own",
                        SPAN_ARGS(contract->sources[other].name), SPAN_ARGS(name));
        return error_exit(error, EXIT_CONFIG);
    }
    return STATUS_OK;
}

enum status source_tokens_load(const struct contract *contract,
                               struct source_tokens *tokens, struct error *error)
{
    *tokens = (struct source_tokens){.count = contract->source_count};
    enum status status = STATUS_OK;
    for (size_t at = 0; at < tokens->count && status == STATUS_OK; at++)
        status = load_one(contract, at, tokens, error);
    return status;
}

/* The token of "Bearer TOKEN"; bytes NULL where it is something else. */
static struct span bearer(struct span value)
{
    size_t length = sizeof(SCHEME) - 1;
    if (value.length <= length || strncasecmp(value.bytes, SCHEME, length) != 0)
        return (struct span){0};
    struct span token = {value.bytes + length, value.length - length};
    while (token.length > 0 && token.bytes[0] == ' ') {
        token.bytes++;
        token.length--;
    }
    return token.length > 0 ? token : (struct span){0};
}

int source_tokens_find(const struct source_tokens *tokens, const struct http_head *head)
{
    struct span value = http_head_value(head, "authorization", NULL);
    struct span token = value.bytes != NULL ? bearer(value) : (struct span){0};
    int source = -1;
    if (token.bytes == NULL)
        return -1;
    struct secret_digest digest = secret_digest(token);
    for (size_t at = 0; at < tokens->count; at++)
        if (secret_digest_equal(&digest, &tokens->digests[at]) && tokens->given[at])
            source = (int)at;
    return source;
}
