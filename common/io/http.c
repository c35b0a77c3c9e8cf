#include "common/io/http.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

struct http {
    CURL *curl;
    struct http_options options;
    struct buf body;
    char reason[CURL_ERROR_SIZE];
    /* of the request that runs */
    const struct http_request *request;
    struct http_outcome *outcome;
    bool left; /* the request may have left this machine */
    bool too_large;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void init_once(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take_piece(char *bytes, size_t size, size_t count, void *self)
{
    struct http *http = self;
    size_t length = size * count;
    long code = 0;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &code);
    if (http->request->sink != NULL && code == 200) {
        struct span piece = {.bytes = bytes, .length = length};
        return http->request->sink(http->request->self, piece) ? length : 0;
    }
    buf_add(&http->body, bytes, length);
    http->too_large = http->body.failed;
    return http->body.failed ? 0 : length;
}

/* "Name: value" with any case of the name; the value without white space around it. */
static bool header_value(struct span line, const char *name, struct span *value_out)
{
    size_t length = strlen(name);
    if (line.length <= length || line.bytes[length] != ':' ||
        strncasecmp(line.bytes, name, length) != 0)
        return false;
    const char *from = line.bytes + length + 1;
    const char *end = line.bytes + line.length;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (unsigned char)end[-1] <= ' ')
        end--;
    *value_out = (struct span){.bytes = from, .length = (size_t)(end - from)};
    return true;
}

/* Seconds, with or without a fraction as the shop writes them; a date gives -1. */
static int64_t retry_after_ms(struct span value)
{
    const char *dot = memchr(value.bytes, '.', value.length);
    struct span whole = value;
    if (dot != NULL)
        whole.length = (size_t)(dot - value.bytes);
    int64_t seconds = 0;
    if (!span_to_int64(whole, &seconds) || seconds < 0 || seconds > 86400)
        return -1;
    return seconds * 1000 + (dot != NULL ? 1000 : 0);
}

static size_t take_header(char *bytes, size_t size, size_t count, void *self)
{
    struct http *http = self;
    struct span line = {.bytes = bytes, .length = size * count};
    struct span value;
    if (header_value(line, "Retry-After", &value))
        http->outcome->retry_after_ms = retry_after_ms(value);
    size_t room = sizeof http->outcome->served_version;
    if (header_value(line, "X-Shopify-API-Version", &value) && value.length < room) {
        memcpy(http->outcome->served_version, value.bytes, value.length);
        http->outcome->served_version[value.length] = '\0';
    }
    return line.length;
}

/*
 * Runs once the connection stands and before the request is written; again where the library
 * found a kept connection dead and takes another. Whether the first one carried the request
 * to the shop nobody knows: what must be sent once is not sent again behind the caller's
 * back, who has to know that its outcome is in doubt.
 */
static int before_request(void *self, char *remote, char *local, int remote_port,
                          int local_port)
{
    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    struct http *http = self;
    const struct http_request *request = http->request;
    if (request->may_send != NULL && (http->left || !request->may_send(request->self)))
        return CURL_PREREQFUNC_ABORT;
    http->left = true;
    return CURL_PREREQFUNC_OK;
}

static int while_running(void *self, curl_off_t down_total, curl_off_t down,
                         curl_off_t up_total, curl_off_t up)
{
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    const struct http *http = self;
    const struct http_request *request = http->request;
    return request->is_over != NULL && request->is_over(request->self) ? 1 : 0;
}

static void set_fixed_options(struct http *http)
{
    CURL *curl = http->curl;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    /* One that has been idle for longer may be dead at the other end: see before_request. */
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, 20L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "parstock/" PARSTOCK_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->reason);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)http->options.connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_piece);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, http);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, http);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, while_running);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
}

enum status http_open(const struct http_options *options, struct http **out,
                      struct error *error)
{
    *out = NULL;
    pthread_once(&once, init_once);
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL || global_code != CURLE_OK)
        goto failed;
    http->options = *options;
    buf_init(&http->body, options->body_max);
    http->curl = curl_easy_init();
    if (http->curl == NULL)
        goto failed;
    set_fixed_options(http);
    *out = http;
    return STATUS_OK;
failed:
    http_close(&http);
    return error_set(error, STATUS_FATAL, "libcurl can not be started");
}

void http_close(struct http **slot)
{
    struct http *http = TAKE(*slot);
    if (http == NULL)
        return;
    curl_easy_cleanup(http->curl);
    buf_free(&http->body);
    free(http);
}

static void release_url(CURLU **slot)
{
    curl_url_cleanup(*slot);
}

static void release_text(char **slot)
{
    curl_free(*slot);
}

static void release_headers(struct curl_slist **slot)
{
    curl_slist_free_all(*slot);
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

/* Which protocols this address may use, and whether a proxy may be asked. */
static enum status allow(struct http *http, const char *address, struct error *error)
{
    SCOPED(release_url) CURLU *url = curl_url();
    SCOPED(release_text) char *scheme = NULL;
    SCOPED(release_text) char *host = NULL;
    if (url == NULL || curl_url_set(url, CURLUPART_URL, address, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return error_set(error, STATUS_FATAL, "not an address of the web");
    bool loopback = is_loopback(host);
    bool plain = loopback || http->options.may_be_plain;
    if (strcmp(scheme, "https") != 0 && !(plain && strcmp(scheme, "http") == 0))
        return error_set(error, STATUS_FATAL,
                         "%s://%s: only https is used (http for this machine alone)",
                         scheme, host);
    curl_easy_setopt(http->curl, CURLOPT_PROTOCOLS_STR, plain ? "https,http" : "https");
    curl_easy_setopt(http->curl, CURLOPT_NOPROXY, loopback ? "*" : NULL);
    curl_easy_setopt(http->curl, CURLOPT_URL, address);
    return STATUS_OK;
}

enum status http_check(struct http *http, const char *url, struct error *error)
{
    return allow(http, url, error);
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    SCOPED(buf_free) struct buf line;
    buf_init(&line, 16 * 1024);
    buf_format(&line, "%s: %s", name, value);
    /* A line break in a value would be a header of its own. */
    if (line.failed || strpbrk(line.bytes, "\r\n") != NULL)
        return false;
    struct curl_slist *longer = curl_slist_append(*list, line.bytes);
    explicit_bzero(line.bytes, line.length);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static bool set_headers(const struct http_request *request, struct curl_slist **list)
{
    if (!add_header(list, "Accept", "application/json"))
        return false;
    if (request->token != NULL &&
        !add_header(list, "X-Shopify-Access-Token", request->token))
        return false;
    for (size_t at = 0; at < request->header_count; at++)
        if (!add_header(list, request->headers[at].name, request->headers[at].value))
            return false;
    if (request->body.bytes == NULL)
        return true;
    /* No "Expect: 100-continue": it costs a second where nobody answers it. */
    return add_header(list, "Content-Type", request->content_type) &&
           add_header(list, "Expect", "");
}

static void set_body(struct http *http, const struct http_request *request)
{
    if (request->body.bytes == NULL) {
        curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
        return;
    }
    curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)request->body.length);
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, request->body.bytes);
}

static enum status explain(struct http *http, CURLcode code, struct error *error)
{
    if (http->too_large)
        return error_set_code(error, STATUS_RETRY, "answer_too_large",
                              "the answer is larger than %zu bytes",
                              http->options.body_max);
    if (code == CURLE_ABORTED_BY_CALLBACK && !http->left)
        return error_set_code(error, STATUS_RETRY, "too_late",
                              "not sent: the time in which it might be sent is over");
    const char *reason =
        http->reason[0] != '\0' ? http->reason : curl_easy_strerror(code);
    return error_set_code(error, STATUS_RETRY, http->left ? "no_answer" : "not_sent",
                          "%s", reason);
}

static enum status perform(struct http *http, struct error *error)
{
    struct http_outcome *outcome = http->outcome;
    CURLcode code = curl_easy_perform(http->curl);
    long status = 0;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        outcome->transport = http->left ? HTTP_NO_ANSWER : HTTP_NOT_SENT;
        return explain(http, code, error);
    }
    outcome->transport = HTTP_ANSWERED;
    outcome->code = (int)status;
    outcome->body = buf_view(&http->body);
    return STATUS_OK;
}

enum status http_send(struct http *http, const struct http_request *request,
                      struct http_outcome *outcome, struct error *error)
{
    *outcome = (struct http_outcome){.transport = HTTP_NOT_SENT, .retry_after_ms = -1};
    buf_clear(&http->body);
    http->request = request;
    http->outcome = outcome;
    http->left = false;
    http->too_large = false;
    http->reason[0] = '\0';
    enum status status = allow(http, request->url, error);
    if (status != STATUS_OK)
        return status;
    SCOPED(release_headers) struct curl_slist *headers = NULL;
    if (!set_headers(request, &headers))
        return error_set(error, STATUS_FATAL,
                         "a header can not be made (line break in it?)");
    int timeout_ms = request->total_timeout_ms > 0 ? request->total_timeout_ms
                                                   : http->options.total_timeout_ms;
    set_body(http, request);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(http->curl, CURLOPT_NOPROGRESS, request->is_over == NULL ? 1L : 0L);
    status = perform(http, error);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, NULL);
    http->request = NULL;
    http->outcome = NULL;
    return status;
}

void http_form_escape(struct buf *out, struct span text)
{
    static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~";
    for (size_t at = 0; at < text.length; at++) {
        unsigned char byte = (unsigned char)text.bytes[at];
        if (byte != '\0' && strchr(PLAIN, byte) != NULL)
            buf_byte(out, (char)byte);
        else
            buf_format(out, "%%%02X", byte);
    }
}
