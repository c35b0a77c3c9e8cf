/*
 * What all handles of one shop share: the token and the cost bucket. Calls of several
 * threads draw from one bucket, and one of them renews the token for all. Inside
 * common/io/shopify.c; nobody else includes it.
 */
#ifndef PARSTOCK_IO_SHOPIFY_ACCOUNT_H
#define PARSTOCK_IO_SHOPIFY_ACCOUNT_H

#include "common/domain/cost.h"
#include "common/io/http.h"
#include "common/io/shopify.h"

struct account;

/* The options' texts outlive the account. */
enum status account_open(const struct shopify_options *options, const char *token_url,
                         struct account **out, struct error *error);
struct account *account_join(struct account *account); /* one more handle */
void account_leave(struct account **slot);             /* the last one ends it */

/*
 * Copies a token that is good for a call, fetched over `http` where there is none or its
 * life is nearly over. `refused`: the one that the shop answered 401 to ("" = none); it is
 * fetched anew unless another handle has done so already.
 */
enum status account_token(struct account *account, struct http *http, const char *refused,
                          struct shopify_token *out, struct error *error);
bool account_token_is_fixed(const struct account *account);

/* Milliseconds until the bucket can pay; 0: paid now, and set aside for this call. */
int64_t account_pay_ms(struct account *account, int64_t points);
/* What it holds now, and when it is full; 0 before the first answer. */
int64_t account_bucket(struct account *account, int64_t *limit_out);
/* The same after a refusal; nothing is set aside. */
int64_t account_throttled_ms(struct account *account, int64_t points);
/* A call that points were set aside for has ended; `cost` as its answer says, if it did. */
void account_settle(struct account *account, int64_t points,
                    const struct cost_status *cost);

#endif
