/*
 * parstock console: a small web page for people.
 */
#include "workers/console/console.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/admin.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/commands.h"

#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS 256
#define BODY_ROOM ((size_t)16 * 1024 * 1024)
#define REQUEST_MS 30000
#define PAGE_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define POOL_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define TICK_MS 200
#define DRAIN_MS 5000
#define TOKEN_LEAST 16

static const struct command_spec SPEC = {
    .name = "console",
    .summary = "a small web page for people",
    .usage = "[--console-listen HOST:PORT]",
    .detail =
        "Serves pages without scripts: how each shop stands, open incidents with "
        "acknowledge, approve, reject, resolve and reopen, all that is known of a SKU in order "
        "of time, and the week so far: its numbers beside the baseline, the verdict that they "
        "come to and who takes it from here.\n"
        "\n"
        "People log in with the token of PARSTOCK_CONSOLE_TOKEN (16 bytes or more), or of "
        "the file that PARSTOCK_CONSOLE_TOKEN_FILE names, and their name, which stands in "
        "the log of what they do. A session lasts twelve hours and is kept by the browser "
        "alone: another token ends all of them. Ten logins a minute may fail. TLS is for a "
        "proxy in front; the default address is this machine's alone.",
    .uses = CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_ADMIN | CONFIG_CONSOLE,
    .needs = CONFIG_CONTRACT | CONFIG_POSTGRES,
};

/* ---- the crew ------------------------------------------------------------------------------------- */

static void *open_room(void *self)
{
    struct console_room *room = calloc(1, sizeof(*room));
    if (room == NULL)
        return NULL;
    room->console = self;
    pool_init(&room->pool, POOL_BYTES_MAX);
    buf_init(&room->page, PAGE_BYTES_MAX);
    return room;
}

static void close_room(void *self)
{
    struct console_room *room = self;
    postgres_close(&room->postgres);
    pool_free(&room->pool);
    buf_free(&room->page);
    free(room);
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static enum status take_secret(struct console *console, struct error *error)
{
    const char *token = NULL;
    enum status status = config_secret("PARSTOCK_CONSOLE_TOKEN", &token, error);
    if (status != STATUS_OK)
        return status;
    console->secret = span_from(token);
    if (token != NULL && console->secret.length >= TOKEN_LEAST)
        return STATUS_OK;
    (void)error_set(
        error, STATUS_FATAL,
        "PARSTOCK_CONSOLE_TOKEN (or _FILE) is the token that people log in with: "
        "16 bytes or more, e.g. of 'openssl rand -hex 24'");
    return error_exit(error, EXIT_CONFIG);
}

static enum status listen_first(struct console *console, struct error *error)
{
    enum status status =
        listen_open(console->config.console_listen, &console->listener, error);
    if (status == STATUS_OK) {
        listen_text(console->listener, console->address, sizeof(console->address));
        return STATUS_OK;
    }
    if (status != STATUS_RETRY)
        return status;
    error->status = STATUS_FATAL;
    return error_exit(error, EXIT_UNAVAILABLE);
}

static enum status open_server(struct console *console, struct error *error)
{
    const struct web_options options = {.listener = console->listener,
                                        .routes = console->routes,
                                        .route_count = console->route_count,
                                        .connections_max = CONNECTIONS,
                                        .body_room = BODY_ROOM,
                                        .request_ms = REQUEST_MS,
                                        .self = console};
    console->listener = -1;
    enum status status = web_server_open(&options, &console->server, error);
    if (status != STATUS_OK)
        return status;
    life_ready("listen", true, "");
    log_info("console", LOG_TEXT("listen", console->address), LOG_END);
    return STATUS_OK;
}

static enum status open_all(struct console *console, struct error *error)
{
    const struct desk_work crew = {.self = console,
                                   .open_room = open_room,
                                   .close_room = close_room,
                                   .work = console_work};
    enum status status = take_secret(console, error);
    if (status == STATUS_OK)
        status = contract_file_load(console->config.contract_path,
                                    &console->contract_text, &console->contract, error);
    if (status == STATUS_OK)
        status = listen_first(console, error);
    if (status == STATUS_OK)
        status = desk_open(&crew, &console->desk, error);
    if (status == STATUS_OK) {
        console_open_routes(console);
        status = open_server(console, error);
    }
    return status;
}

/* ---- running ------------------------------------------------------------------------------------------ */

static void close_all(struct console *console)
{
    if (console->server != NULL)
        web_server_drain(console->server, DRAIN_MS);
    desk_close(&console->desk);
    web_server_close(&console->server);
    if (console->listener >= 0)
        (void)close(console->listener);
    contract_free(&console->contract);
    buf_free(&console->contract_text);
}

static enum status run(struct console *console, struct error *error)
{
    SCOPED(admin_close) struct admin *admin = NULL;
    enum status status = log_open("console", console->config.log_level, error);
    if (status == STATUS_OK)
        status = life_begin(error);
    if (status == STATUS_OK)
        status = admin_open(&console->config, &admin, error);
    if (status == STATUS_OK)
        status = open_all(console, error);
    while (status == STATUS_OK && !life_ending()) {
        admin_alive();
        life_wait_ms(TICK_MS);
    }
    close_all(console);
    return status;
}

int console_main(int argc, char **argv)
{
    static struct console console = {.listener = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct error error = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &console.config, NULL, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (run(&console, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
