/*
 * What people do with incidents: each in a transaction of its own, so that one which can't
 * be done holds up no other.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/runtime/incident_relay.h"
#include "common/runtime/life.h"
#include "common/runtime/login.h"
#include "workers/incidents/incidents.h"

#include <stdio.h>

#define LINE_BYTES_MAX ((size_t)64 * 1024)
#define DEED_BYTES_MAX ((size_t)16 << 20)
#define TELL_WAIT_MS 5000

/* How the outcome reads: "acknowledged", and in a plan "acknowledge". */
struct deed_words {
    const char *done;
    const char *plan;
};

static const struct deed_words WORDS[INCIDENT_VERB_COUNT] = {
    [INCIDENT_ACKNOWLEDGE] = {"acknowledged", "would be acknowledged"},
    [INCIDENT_APPROVE] = {"approved", "would be approved"},
    [INCIDENT_REJECT] = {"rejected", "would be rejected"},
    [INCIDENT_RESOLVE] = {"resolved", "would be resolved"},
    [INCIDENT_REOPEN] = {"reopened", "would be reopened"},
};

/* Incidents to act on, one after the other. */
struct act {
    struct incidents *self;
    struct incident_deed deed;
    char actor[INCIDENT_ACTOR_MAX + 1];
    bool by_filter;
    size_t count;
    struct span ids[INCIDENTS_FOUND_MAX];
    size_t done;
    size_t refused;
    bool was_unknown;
    size_t printed;
    struct pool pool; /* of one deed */
};

/* ---- who and why ---------------------------------------------------------------------- */

static bool is_plain(struct span text, size_t most)
{
    if (text.length == 0 || text.length > most)
        return false;
    for (size_t at = 0; at < text.length; at++)
        if ((unsigned char)text.bytes[at] < 0x20 || text.bytes[at] == 0x7f)
            return false;
    return true;
}

static enum status check_texts(const struct act *act, struct error *error)
{
    const struct span texts[] = {act->deed.note, act->deed.root_cause,
                                 act->deed.remediation};
    if (!is_plain(act->deed.actor, INCIDENT_ACTOR_MAX))
        return error_usage(
            error, "--actor: 1 to 200 bytes on one line, without control characters");
    for (size_t at = 0; at < COUNT_OF(texts); at++)
        if (texts[at].bytes != NULL && !is_plain(texts[at], INCIDENT_NOTE_MAX))
            return error_usage(
                error, "--note, --root-cause and --remediation: 1 to 2000 bytes each, "
                       "on one line, without control characters");
    return STATUS_OK;
}

static enum status describe(struct act *act, enum incident_verb verb, struct error *error)
{
    const struct incidents_flags *flags = act->self->flags;
    if (flags->note != NULL && flags->reason != NULL)
        return error_usage(error, "--note and --reason are one: give one of them");
    login_name(act->actor);
    act->deed = (struct incident_deed){
        .verb = verb,
        .actor = span_from(flags->actor != NULL ? flags->actor : act->actor),
        .note = span_from(flags->note != NULL ? flags->note : flags->reason),
        .root_cause = span_from(flags->root_cause),
        .remediation = span_from(flags->remediation)};
    return check_texts(act, error);
}

/* ---- which ---------------------------------------------------------------------------- */

static enum status take_id(void *self, const struct incident_view *view,
                           struct error *error)
{
    struct act *act = self;
    if (act->count == INCIDENTS_FOUND_MAX)
        return error_usage(
            error, "more than 10000 incidents fit; narrow it, e.g. by --shop or --since");
    act->ids[act->count] = pool_span(&act->self->pool, view->incident.id);
    if (act->ids[act->count++].bytes == NULL)
        return error_set(error, STATUS_FATAL, "incidents: out of memory");
    return STATUS_OK;
}

/* Approving by a filter may write many levels. */
static enum status check_confirmed(const struct act *act, struct error *error)
{
    const struct incidents_flags *flags = act->self->flags;
    if (act->deed.verb != INCIDENT_APPROVE || flags->dry_run)
        return STATUS_OK;
    if (flags->shop != NULL && flags->confirm != NULL &&
        strcmp(flags->shop, flags->confirm) == 0)
        return STATUS_OK;
    return error_usage(
        error, "approving by a filter may write many levels: look at the plan with "
               "--dry-run, then say --shop NAME --confirm NAME");
}

static enum status choose(struct act *act, struct error *error)
{
    struct incidents *self = act->self;
    const struct incident_visitor visitor = {.each = take_id, .self = act};
    act->by_filter = self->word_count == 0;
    for (int at = 0; at < self->word_count; at++)
        act->ids[act->count++] = span_from(self->words[at]);
    if (!act->by_filter && incidents_is_filtered(self->flags))
        return error_usage(error, "name incidents or use filters, not both");
    if (!act->by_filter)
        return STATUS_OK;
    if (!incidents_is_filtered(self->flags))
        return error_usage(error,
                           "name incidents, or say which by --class, --shop, --sku, "
                           "--severity, --state or --since");
    enum status status = check_confirmed(act, error);
    if (status == STATUS_OK)
        status = store_incidents_list(self->postgres, &self->filter, &visitor, error);
    return status;
}

/* ---- one of them ------------------------------------------------------------------------ */

static enum status try_deed(struct act *act, struct error *error)
{
    struct postgres *postgres = act->self->postgres;
    struct incident after;
    bool plans = act->self->flags->dry_run;
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK && plans)
        status = store_incident_may(postgres, &act->deed, error);
    else if (status == STATUS_OK)
        status = store_incident_do(postgres, &act->deed, &act->pool, &after, error);
    if (status == STATUS_OK)
        return postgres_script(postgres, plans ? "ROLLBACK" : "COMMIT", error);
    struct error ignored = {0};
    if (postgres_alive(postgres))
        (void)postgres_script(postgres, "ROLLBACK", &ignored);
    return status;
}

static void print_json(struct act *act, const struct error *refusal)
{
    SCOPED(buf_free) struct buf line = {0};
    const struct deed_words *words = &WORDS[act->deed.verb];
    bool plans = act->self->flags->dry_run;
    buf_init(&line, LINE_BYTES_MAX);
    buf_byte(&line, '{');
    json_member_text(&line, "incident_id", act->deed.id);
    json_name(&line, "done");
    buf_text(&line, refusal == NULL && !plans ? "true" : "false");
    json_member_text(&line, "outcome",
                     span_from(refusal != NULL ? "refused"
                               : plans         ? words->plan
                                               : words->done));
    json_member_text(&line, "code", span_from(refusal != NULL ? refusal->code : NULL));
    json_member_text(&line, "detail", span_from(refusal != NULL ? refusal->text : NULL));
    buf_byte(&line, '}');
    printf("%s%s\n", act->self->output == OUTPUT_JSON && act->printed++ > 0 ? "," : "",
           line.failed ? "{}" : line.bytes);
}

static void print_outcome(struct act *act, const struct error *refusal)
{
    const struct deed_words *words = &WORDS[act->deed.verb];
    if (act->self->output != OUTPUT_TABLE)
        print_json(act, refusal);
    else if (refusal == NULL)
        printf("%.*s %s\n", SPAN_ARGS(act->deed.id),
               act->self->flags->dry_run ? words->plan : words->done);
    else if (!act->by_filter && act->count > 1)
        printf("refused: %s\n", refusal->text);
}

static enum status act_on(struct act *act, struct span id, struct error *error)
{
    act->deed.id = id;
    pool_reset(&act->pool);
    enum status status = try_deed(act, error);
    if (status != STATUS_OK && status != STATUS_REJECT)
        return status;
    bool is_refused = status == STATUS_REJECT;
    act->done += is_refused ? 0 : 1;
    act->refused += is_refused ? 1 : 0;
    act->was_unknown =
        act->was_unknown || (is_refused && strcmp(error->code, "unknown_incident") == 0);
    /* What a filter finds and the rules forbid was not meant. */
    if (!is_refused || !act->by_filter)
        print_outcome(act, is_refused ? error : NULL);
    return STATUS_OK;
}

/* ---- all of them ------------------------------------------------------------------------ */

/* Subscribers are told now where we can, and otherwise by notify. */
static void tell(struct incidents *self)
{
    SCOPED(incident_relay_close) struct incident_relay *relay = NULL;
    struct error error = {0};
    size_t sent = 0;
    int64_t end_us = clock_monotonic_us() + TELL_WAIT_MS * 1000;
    if (self->config->kafka_brokers == NULL)
        return;
    enum status status =
        incident_relay_open(self->config, "parstock-incidents", &relay, &error);
    do {
        sent = 0;
        if (status == STATUS_OK)
            status =
                incident_relay_step(relay, self->postgres, TELL_WAIT_MS, &sent, &error);
    } while (status == STATUS_OK && sent > 0 && clock_monotonic_us() < end_us);
    if (status != STATUS_OK)
        fprintf(stderr, "parstock incidents: %s; 'parstock notify' tells subscribers\n",
                error.text);
}

static enum status judge(const struct act *act, struct error *error)
{
    bool table = act->self->output == OUTPUT_TABLE;
    if (act->by_filter && table)
        printf("%zu of %zu %s\n", act->done, act->count,
               act->self->flags->dry_run ? WORDS[act->deed.verb].plan
                                         : WORDS[act->deed.verb].done);
    if (act->by_filter || act->refused == 0)
        return STATUS_OK;
    if (act->count > 1)
        (void)error_set(error, STATUS_REJECT, "%zu of %zu were refused", act->refused,
                        act->count);
    return error_exit(error, act->was_unknown ? EXIT_DATA : EXIT_NOT_ALLOWED);
}

static enum status act_on_all(struct act *act, struct error *error)
{
    enum status status = STATUS_OK;
    if (act->self->output == OUTPUT_JSON)
        puts("[");
    for (size_t at = 0; at < act->count && status == STATUS_OK; at++)
        status = act_on(act, act->ids[at], error);
    if (act->self->output == OUTPUT_JSON)
        puts("]");
    if (act->done > 0 && !act->self->flags->dry_run)
        tell(act->self);
    return status == STATUS_OK ? judge(act, error) : status;
}

enum status incidents_act(struct incidents *self, enum incident_verb verb,
                          struct error *error)
{
    struct act *act = pool_take(&self->pool, sizeof(*act));
    if (act == NULL)
        return error_set(error, STATUS_FATAL, "incidents: out of memory");
    memset(act, 0, sizeof(*act));
    act->self = self;
    pool_init(&act->pool, DEED_BYTES_MAX);
    enum status status = describe(act, verb, error);
    if (status == STATUS_OK)
        status = choose(act, error);
    if (status == STATUS_OK)
        status = act_on_all(act, error);
    pool_free(&act->pool);
    return status;
}
