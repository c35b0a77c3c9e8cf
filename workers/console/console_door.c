/*
 * Who may see what: pages, the login, and the token that every form carries.
 */
#include "common/base/check.h"
#include "common/codec/secret.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/console/console.h"

#include <stdio.h>
#include <sys/random.h>

#define COOKIE "parstock_console"
#define SESSION_S (12 * 3600)
#define FAILURES_MAX 10 /* logins a minute */
#define FAILURES_S 60
#define BODY_MAX ((size_t)16 * 1024)

static void login_page(struct console_call *call, const char *what)
{
    page_begin(call, "Log in");
    if (what != NULL)
        html_element(&call->html, HTML_TAG_P, what);
    form_begin(call, "/login");
    form_input(call, "name", "text", "Your name, for the record");
    form_input(call, "token", "password", "Token");
    form_button(call, NULL, NULL, "Log in");
    html_close(&call->html, HTML_TAG_FORM);
    page_send(call, what != NULL ? 401 : 200);
}

static void show_login(struct console_call *call)
{
    if (call->session != NULL)
        page_go(call, "/", NULL);
    else
        login_page(call, NULL);
}

/* ---- logging in -------------------------------------------------------------------------------- */

/* Whoever guesses has ten tries a minute, all together. */
static bool may_try(struct console *console)
{
    int64_t now_s = clock_monotonic_us() / 1000000;
    (void)pthread_mutex_lock(&console->lock);
    if (now_s - console->failures_s >= FAILURES_S) {
        console->failures_s = now_s;
        console->failures = 0;
    }
    bool may = console->failures < FAILURES_MAX;
    (void)pthread_mutex_unlock(&console->lock);
    return may;
}

static void note_failure(struct console *console)
{
    (void)pthread_mutex_lock(&console->lock);
    console->failures++;
    (void)pthread_mutex_unlock(&console->lock);
    log_warn("a login failed", LOG_END);
}

static bool is_name(struct span name)
{
    if (name.bytes == NULL || name.length == 0 || name.length > SESSION_NAME_MAX)
        return false;
    for (size_t at = 0; at < name.length; at++)
        if ((unsigned char)name.bytes[at] < 0x20 || name.bytes[at] == 0x7f)
            return false;
    return true;
}

static bool is_token(const struct console *console, struct span token)
{
    const struct secret_digest wanted = secret_digest(console->secret);
    const struct secret_digest given =
        secret_digest(token.bytes != NULL ? token : SPAN_OF(""));
    return secret_digest_equal(&wanted, &given);
}

static void begin_session(struct console_call *call, struct span name)
{
    struct session session = {.ends_s = clock_now_us() / 1000000 + SESSION_S};
    char text[SESSION_TEXT_MAX];
    char cookie[SESSION_TEXT_MAX + 100];
    memcpy(session.name, name.bytes, name.length);
    ASSERT(getrandom(session.nonce, sizeof(session.nonce), 0) ==
           (ssize_t)sizeof(session.nonce));
    session_write(call->console->secret, &session, text);
    (void)snprintf(cookie, sizeof(cookie),
                   COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d", text,
                   SESSION_S);
    log_info("somebody logged in", LOG_TEXT("name", session.name), LOG_END);
    page_go(call, "/", cookie);
}

static void log_in(struct console_call *call)
{
    char name_room[CONSOLE_FIELD_MAX];
    char token_room[CONSOLE_FIELD_MAX];
    struct span name;
    struct span token;
    if (!may_try(call->console)) {
        page_trouble(call, 429, "Too many logins have failed. Wait a minute.");
        return;
    }
    bool is_read = console_field(call, "name", name_room, &name) &&
                   console_field(call, "token", token_room, &token);
    if (!is_read || !is_token(call->console, token)) {
        note_failure(call->console);
        login_page(call, "The token is not right.");
        return;
    }
    if (!is_name(name))
        login_page(call, "Say your name: 1 to 60 bytes, without control characters.");
    else
        begin_session(call, name);
}

static void log_out(struct console_call *call)
{
    page_go(call, "/login", COOKIE "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
}

/* ---- pages ----------------------------------------------------------------------------------------- */

struct page {
    const char *method;
    const char *path;
    bool is_open; /* to those who are not logged in */
    console_page *show;
};

static const struct page PAGES[] = {
    {"GET", "/", false, console_overview},
    {"GET", "/login", true, show_login},
    {"POST", "/login", true, log_in},
    {"POST", "/logout", false, log_out},
    {"GET", "/incidents", false, console_incidents},
    {"GET", "/incidents/{}", false, console_incident},
    {"POST", "/incidents/{}", false, console_act},
    {"GET", "/sku", false, console_sku},
    {"GET", "/week", false, console_week},
};

_Static_assert(COUNT_OF(PAGES) <= CONSOLE_PAGES_MAX, "every page has its route");

static void take(void *self, struct web_request *request)
{
    struct console *console = self;
    desk_put(console->desk, request);
}

void console_open_routes(struct console *console)
{
    for (size_t at = 0; at < COUNT_OF(PAGES); at++)
        console->routes[console->route_count++] =
            (struct web_route){.method = PAGES[at].method,
                               .path = PAGES[at].path,
                               .body_max = BODY_MAX,
                               .take = take,
                               .self = console};
}

static bool find_session(const struct console_call *call, struct session *session)
{
    struct span header = http_head_value(&call->request->head, "cookie", NULL);
    struct span text = cookie_value(header, COOKIE);
    return text.bytes != NULL &&
           session_read(call->console->secret, text, clock_now_us() / 1000000, session);
}

static bool is_own_form(const struct console_call *call)
{
    char room[CONSOLE_FIELD_MAX];
    struct span token;
    return console_field(call, "form", room, &token) && token.bytes != NULL &&
           session_token_is_good(call->console->secret, call->session, token);
}

static void show(struct console_call *call, const struct page *page)
{
    bool posts = strcmp(page->method, "POST") == 0;
    if (page->is_open)
        page->show(call);
    else if (call->session == NULL && posts)
        page_trouble(call, 401, "You are not logged in, or no longer.");
    else if (call->session == NULL)
        page_go(call, "/login", NULL);
    else if (posts && !is_own_form(call))
        page_trouble(call, 403, "The form is not of this session. Load the page anew.");
    else
        page->show(call);
}

void console_work(void *self, void *room, struct web_request *request)
{
    struct console *console = self;
    struct session session;
    struct console_call call = {.console = console, .room = room, .request = request};
    size_t at = (size_t)(request->route - console->routes);
    ASSERT(at < COUNT_OF(PAGES));
    if (find_session(&call, &session))
        call.session = &session;
    pool_reset(&call.room->pool);
    show(&call, &PAGES[at]);
}
