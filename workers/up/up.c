/*
 * parstock up: all workers on one machine, each a process of its own, started again when
 * it dies.
 */
#include "common/base/check.h"
#include "common/runtime/admin.h"
#include "common/runtime/config_export.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/notify.h"
#include "workers/commands.h"
#include "workers/up/up_children.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_EVERY_MS 100

/* The workers there are: a new one is a row here. */
static const struct child_kind WORKERS[] = {
    {.name = "gateway"},
    {.name = "apply"},
    {.name = "push"},
    {.name = "drift"},
    {.name = "resolve"},
    {.name = "notify"},
    {.name = "retention", .argument = "--watch"},
};

struct up_flags {
    const char *workers;
};

static const struct flag FLAGS[] = {
    {"workers", FLAG_TEXT, offsetof(struct up_flags, workers), "NAME,...",
     "only these workers; default: gateway,apply,push,drift,resolve,notify,retention"},
};

static const struct command_spec SPEC = {
    .name = "up",
    .summary = "all workers on one machine, supervised",
    .usage = "[--workers NAME,...]",
    .detail =
        "Starts each worker as a process of its own and starts it again when it dies, after "
        "a wait that grows from half a second to 30 seconds while it keeps dying. On SIGTERM "
        "or SIGINT it asks them to finish, waits up to 30 seconds, kills what is left, and "
        "ends with 0. The workers end with it, however it ends.\n"
        "\n"
        "Settings and flags reach the workers. Its own admin endpoint is ready when every "
        "worker is; the workers' endpoints get free ports, which their logs name.",
    .uses = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES | CONFIG_ADMIN |
            CONFIG_LANES | CONFIG_GATEWAY | CONFIG_TRACES,
    .needs = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static const struct child_kind *worker_known(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(WORKERS); i++) {
        if (span_is(name, WORKERS[i].name))
            return &WORKERS[i];
    }
    return NULL;
}

static enum status worker_choose(struct children *children, struct span name,
                                 struct error *error)
{
    const struct child_kind *known = worker_known(name);
    if (known != NULL && children_add(children, known))
        return STATUS_OK;
    error_set(error, STATUS_REJECT,
              known != NULL ? "--workers names '%.*s' twice"
                            : "--workers: '%.*s' is no worker",
              (int)(name.length > 40 ? 40 : name.length), name.bytes);
    return error_exit(error, EXIT_USAGE);
}

static enum status workers_choose(struct children *children, const char *list,
                                  struct error *error)
{
    for (size_t i = 0; list == NULL && i < COUNT_OF(WORKERS); i++)
        (void)children_add(children, &WORKERS[i]);
    while (list != NULL) {
        size_t length = strcspn(list, ",");
        enum status status = worker_choose(
            children, (struct span){.bytes = list, .length = length}, error);
        if (status != STATUS_OK)
            return status;
        list = list[length] == ',' ? list + length + 1 : NULL;
    }
    return STATUS_OK;
}

static enum status up_run(struct children *children, struct error *error)
{
    char name[NOTIFY_NAME_MAX];
    int socket = -1;
    enum status status = notify_listen(&socket, name, error);
    if (status != STATUS_OK)
        return status;
    if (setenv("NOTIFY_SOCKET", name, 1) != 0)
        return error_set(error, STATUS_FATAL, "no memory for the environment");
    while (!life_ending()) {
        admin_alive();
        children_look(children, socket);
        life_wait_ms(LOOK_EVERY_MS);
    }
    children_end(children);
    (void)close(socket);
    return STATUS_OK;
}

static enum status up_serve(const struct config *config, struct children *children,
                            struct error *error)
{
    struct admin *admin = NULL;
    enum status status = log_open("up", config->log_level, error);
    if (status == STATUS_OK)
        status = life_begin(error);
    if (status == STATUS_OK)
        status =
            config_export(config, error); /* before the admin endpoint's thread exists */
    if (status == STATUS_OK)
        status = admin_open(config, &admin, error);
    if (status == STATUS_OK)
        status = up_run(children, error);
    admin_close(&admin);
    return status;
}

int up_main(int argc, char **argv)
{
    static struct children children;
    struct error error = {0};
    struct config config = {0};
    struct up_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    enum status status = config_parse(&SPEC, &parsed, &config, &flags, &error);
    if (parsed.done)
        return 0;
    if (status == STATUS_OK)
        status = workers_choose(&children, flags.workers, &error);
    if (status == STATUS_OK)
        status = up_serve(&config, &children, &error);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, &error);
}
