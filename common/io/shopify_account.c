#include "common/io/shopify_account.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKEN_BODY_MAX 8192
#define LIFE_DEFAULT_S                                                                   \
    3600 /* of a token whose life is not said; 401 renews in any case */
#define LIFE_MAX_S (366LL * 86400)

struct account {
    pthread_mutex_t token_lock; /* held while a token is fetched: all wait for the one */
    pthread_mutex_t lock;       /* of what is below */
    int handles;
    struct cost_bucket bucket;
    struct shopify_options options;
    char *token_url;
    struct shopify_token token; /* of client id and secret */
    int64_t renew_at_us;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

enum status account_open(const struct shopify_options *options, const char *token_url,
                         struct account **out, struct error *error)
{
    struct account *account = calloc(1, sizeof *account);
    char *url = strdup(token_url);
    if (account == NULL || url == NULL) {
        free(account);
        free(url);
        return error_set(error, STATUS_FATAL, "out of memory");
    }
    account->options = *options;
    account->token_url = url;
    account->handles = 1;
    (void)pthread_mutex_init(&account->token_lock, NULL);
    (void)pthread_mutex_init(&account->lock, NULL);
    *out = account;
    return STATUS_OK;
}

struct account *account_join(struct account *account)
{
    (void)pthread_mutex_lock(&account->lock);
    account->handles++;
    (void)pthread_mutex_unlock(&account->lock);
    return account;
}

void account_leave(struct account **slot)
{
    struct account *account = TAKE(*slot);
    if (account == NULL)
        return;
    (void)pthread_mutex_lock(&account->lock);
    bool is_last = --account->handles == 0;
    (void)pthread_mutex_unlock(&account->lock);
    if (!is_last)
        return;
    (void)pthread_mutex_destroy(&account->token_lock);
    (void)pthread_mutex_destroy(&account->lock);
    explicit_bzero(&account->token, sizeof account->token);
    free(account->token_url);
    free(account);
}

/* ---- the token ------------------------------------------------------------------------ */

bool account_token_is_fixed(const struct account *account)
{
    return account->options.token != NULL;
}

static enum status refuse_token(const struct http_outcome *outcome, struct error *error)
{
    bool away = outcome->code >= 500 || outcome->code == 429;
    error_set_code(error, away ? STATUS_RETRY : STATUS_FATAL, "token",
                   "the shop gives no token (HTTP %d): check client id and secret",
                   outcome->code);
    return error->status;
}

static enum status take_token(struct account *account, const struct http_outcome *outcome,
                              struct error *error)
{
    if (outcome->code != 200)
        return refuse_token(outcome, error);
    if (shopify_decode_token(outcome->body, &account->token, error) != STATUS_OK)
        return error_set_code(error, STATUS_RETRY, "token",
                              "the shop's answer holds no token");
    int64_t life = account->token.expires_in_seconds;
    life = life > 0 && life < LIFE_MAX_S ? life : LIFE_DEFAULT_S;
    account->renew_at_us = now_us() + life * 800000; /* at 80 % of its life */
    return STATUS_OK;
}

static enum status fetch(struct account *account, struct http *http, struct error *error)
{
    SCOPED(buf_free) struct buf form;
    buf_init(&form, TOKEN_BODY_MAX);
    buf_text(&form, "grant_type=client_credentials&client_id=");
    http_form_escape(&form, span_from(account->options.client_id));
    buf_text(&form, "&client_secret=");
    http_form_escape(&form, span_from(account->options.client_secret));
    if (form.failed)
        return error_set(error, STATUS_FATAL, "client id or secret is too long");
    struct http_request request = {
        .url = account->token_url,
        .content_type = "application/x-www-form-urlencoded",
        .body = buf_view(&form),
    };
    struct http_outcome outcome;
    enum status status = http_send(http, &request, &outcome, error);
    explicit_bzero(form.bytes, form.length);
    return status == STATUS_OK ? take_token(account, &outcome, error) : status;
}

static bool is_good(const struct account *account, const char *refused)
{
    return account->token.text[0] != '\0' && now_us() < account->renew_at_us &&
           strcmp(account->token.text, refused) != 0;
}

enum status account_token(struct account *account, struct http *http, const char *refused,
                          struct shopify_token *out, struct error *error)
{
    ASSERT(!account_token_is_fixed(account));
    enum status status = STATUS_OK;
    (void)pthread_mutex_lock(&account->token_lock);
    if (!is_good(account, refused))
        status = fetch(account, http, error);
    if (status == STATUS_OK)
        *out = account->token;
    (void)pthread_mutex_unlock(&account->token_lock);
    return status;
}

/* ---- the bucket ----------------------------------------------------------------------- */

int64_t account_pay_ms(struct account *account, int64_t points)
{
    (void)pthread_mutex_lock(&account->lock);
    int64_t wait_ms = cost_wait_ms(&account->bucket, points, now_us());
    if (wait_ms == 0)
        cost_set_aside(&account->bucket, points);
    (void)pthread_mutex_unlock(&account->lock);
    return wait_ms;
}

int64_t account_bucket(struct account *account, int64_t *limit_out)
{
    (void)pthread_mutex_lock(&account->lock);
    bool known = account->bucket.last.known;
    int64_t points = known ? cost_available(&account->bucket, now_us()) : 0;
    *limit_out = known ? account->bucket.last.maximum : 0;
    (void)pthread_mutex_unlock(&account->lock);
    return points;
}

int64_t account_throttled_ms(struct account *account, int64_t points)
{
    (void)pthread_mutex_lock(&account->lock);
    int64_t wait_ms = cost_throttled_ms(&account->bucket, points, now_us());
    (void)pthread_mutex_unlock(&account->lock);
    return wait_ms;
}

void account_settle(struct account *account, int64_t points,
                    const struct cost_status *cost)
{
    (void)pthread_mutex_lock(&account->lock);
    cost_release(&account->bucket, points);
    cost_observe(&account->bucket, cost, now_us());
    (void)pthread_mutex_unlock(&account->lock);
}
