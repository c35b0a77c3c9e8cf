#include "workers/doctor/doctor.h"

#include "common/io/listen.h"
#include "common/runtime/source_tokens.h"

#include <unistd.h>

#define VARIABLE_MAX 256

static void check_listen(struct doctor *doctor)
{
    struct error error = {0};
    int socket = -1;
    const char *address = doctor->config->gateway_listen;
    if (listen_open(address, &socket, &error) == STATUS_OK) {
        (void)close(socket);
        doctor_say(doctor, "gateway", VERDICT_OK, "%.200s can be listened on", address);
    } else if (strcmp(error.code, "EADDRINUSE") == 0) {
        doctor_say(doctor, "gateway", VERDICT_OK,
                   "%.200s is taken: by a gateway that runs, or by another program",
                   address);
    } else {
        doctor_error(doctor, "gateway", &error)->remedy =
            "set PARSTOCK_GATEWAY_LISTEN to an address of this machine";
    }
}

/* False: it cannot be read. */
static bool check_token(struct doctor *doctor, const struct source *source)
{
    struct error error = {0};
    char variable[VARIABLE_MAX];
    const char *token = NULL;
    if (source_token(source, variable, sizeof(variable), &token, &error) != STATUS_OK) {
        (void)doctor_error(doctor, "gateway", &error);
        return false;
    }
    if (token == NULL) {
        doctor_say(doctor, "gateway", VERDICT_OK,
                   "%.*s has no token (%s): it cannot post", SPAN_ARGS(source->name),
                   variable);
    } else if (strlen(token) < SOURCE_TOKEN_LEAST) {
        doctor_say(doctor, "gateway", VERDICT_WARN, "%.*s: its token is short",
                   SPAN_ARGS(source->name))
            ->remedy = "make it of 16 characters or more, of chance";
    } else {
        doctor_say(doctor, "gateway", VERDICT_OK, "%.*s may post, its token is set",
                   SPAN_ARGS(source->name));
    }
    return true;
}

void doctor_check_gateway(struct doctor *doctor)
{
    static struct source_tokens tokens;
    struct error error = {0};
    if (doctor->contract == NULL)
        return;
    check_listen(doctor);
    bool all = true;
    for (size_t at = 0; at < doctor->contract->source_count; at++)
        all = check_token(doctor, &doctor->contract->sources[at]) && all;
    if (all && source_tokens_load(doctor->contract, &tokens, &error) != STATUS_OK)
        (void)doctor_error(doctor, "gateway", &error);
}
