/*
 * Which source a bearer token speaks for. Tokens are kept and compared as digests, all of
 * them whatever the first ones say, so that the time of an answer tells nothing.
 */
#ifndef PARSTOCK_RUNTIME_SOURCE_TOKENS_H
#define PARSTOCK_RUNTIME_SOURCE_TOKENS_H

#include "common/base/error.h"
#include "common/codec/http_head.h"
#include "common/codec/secret.h"
#include "common/domain/contract.h"

struct source_tokens {
    struct secret_digest digests[CONTRACT_SOURCES_MAX];
    bool given[CONTRACT_SOURCES_MAX];
    size_t count;    /* sources of the contract */
    size_t speaking; /* of them, those that have a token */
};

/* From PARSTOCK_SOURCE_<NAME>_TOKEN or its _FILE. STATUS_FATAL (78) where one cannot be
 * read, or where two sources have the same. */
enum status source_tokens_load(const struct contract *contract,
                               struct source_tokens *tokens, struct error *error);

#define SOURCE_TOKEN_LEAST 16 /* characters; a shorter one can be guessed */

/* The source's own, and the variable that it comes from (`room`, "" where no variable can have
 * so long a name); *value_out NULL = it has none. */
enum status source_token(const struct source *source, char *room, size_t size,
                         const char **value_out, struct error *error);

/* The source that the request's only Authorization header names; -1 = none. */
int source_tokens_find(const struct source_tokens *tokens, const struct http_head *head);

#endif
