/*
 * parstock incidents: what needs a person, and what happened to it.
 */
#include "workers/incidents/incidents.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "common/runtime/verb.h"
#include "workers/commands.h"

#include <stddef.h>

#define TEXTS_MAX_BYTES ((size_t)4 * 1024 * 1024)

#define TEXT_FLAG(name, member, argument, help)                                          \
    {                                                                                    \
        name, FLAG_TEXT, offsetof(struct incidents_flags, member), argument, help        \
    }

static const struct flag FLAGS[] = {
    {"all", FLAG_SWITCH, offsetof(struct incidents_flags, all), NULL,
     "also those that are resolved; as --state all"},
    TEXT_FLAG("state", state, "STATE",
              "open, opened, acknowledged, resolved, reopened or all; default open"),
    TEXT_FLAG("class", class, "CLASS", "only this class, e.g. id_reused"),
    TEXT_FLAG("shop", shop, "NAME", "only this shop"),
    TEXT_FLAG("sku", sku, "SKU", "only those about it, or first or last seen with it"),
    TEXT_FLAG("severity", severity, "WORD", "critical, error, warning or info"),
    TEXT_FLAG("since", since, "TIME", "changed since: 30m, 2h, 7d or a moment"),
    TEXT_FLAG("actor", actor, "NAME", "who does it; default: the login name"),
    TEXT_FLAG("note", note, "TEXT", "why, for the log"),
    TEXT_FLAG("reason", reason, "TEXT", "the same"),
    TEXT_FLAG("root-cause", root_cause, "TEXT", "what was found behind it"),
    TEXT_FLAG("remediation", remediation, "TEXT", "what was or is to be done"),
    {"dry-run", FLAG_SWITCH, offsetof(struct incidents_flags, dry_run), NULL,
     "say what would be done, and do nothing"},
    TEXT_FLAG("confirm", confirm, "NAME", "the shop, to approve by a filter"),
};

static const struct command_spec SPEC = {
    .name = "incidents",
    .summary = "what needs a person, and what happened to it",
    .usage = "list [FILTERS] | show ID | ack|approve|reject|resolve|reopen ID...|FILTERS",
    .detail =
        "list prints the open incidents, newest first; show prints one with its evidence "
        "and its log. One incident is open a problem, however often it is seen; seen is "
        "the exact number. Exit code 1 where show finds no incident of that id.\n\n"
        "ack says that somebody has it; approve and reject decide on the action that an "
        "incident proposes, which resolve then carries out once; resolve and reopen end "
        "it and take that back. Each takes up to 100 ids, or filters; filters pass over "
        "what can't be done. Exit code 65 for an id that is not known, 77 for what the "
        "incident's state does not allow; what can be done is done all the same.\n\n"
        "Every change is a row of the log and a record of topic incidents. It is told at "
        "once where --kafka-brokers is given, and by 'parstock notify' otherwise.\n\n"
        "In JSON an incident has the members of topic inventory.incidents, and "
        "occurrences, revision and last_seen_at; show adds log, and alerts: what became of "
        "telling people of it.",
    .operands = 1 + INCIDENTS_IDS_MAX,
    .uses = CONFIG_POSTGRES | CONFIG_OUTPUT | CONFIG_KAFKA | CONFIG_CONTRACT,
    .needs = CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static enum status acknowledge(struct incidents *self, struct error *error)
{
    return incidents_act(self, INCIDENT_ACKNOWLEDGE, error);
}

static enum status approve(struct incidents *self, struct error *error)
{
    return incidents_act(self, INCIDENT_APPROVE, error);
}

static enum status reject(struct incidents *self, struct error *error)
{
    return incidents_act(self, INCIDENT_REJECT, error);
}

static enum status resolve(struct incidents *self, struct error *error)
{
    return incidents_act(self, INCIDENT_RESOLVE, error);
}

static enum status reopen(struct incidents *self, struct error *error)
{
    return incidents_act(self, INCIDENT_REOPEN, error);
}

struct verb {
    struct verb_words words;
    enum status (*run)(struct incidents *self, struct error *error);
};

static const struct verb VERBS[] = {
    {{"list", 0, 0}, incidents_list},
    {{"show", 1, 1}, incidents_show},
    {{"ack", 0, INCIDENTS_IDS_MAX}, acknowledge},
    {{"approve", 0, INCIDENTS_IDS_MAX}, approve},
    {{"reject", 0, INCIDENTS_IDS_MAX}, reject},
    {{"resolve", 0, INCIDENTS_IDS_MAX}, resolve},
    {{"reopen", 0, INCIDENTS_IDS_MAX}, reopen},
};

static enum status incidents_run(struct incidents *self, const struct parsed *parsed,
                                 unsigned steps, struct error *error)
{
    const struct verb *verb = VERB_FIND(VERBS, parsed);
    const struct postgres_options options =
        database_options(self->config, "parstock incidents", 60 * 1000);
    if (verb == NULL)
        return error_usage(
            error, "say 'list', or 'show' and an incident's id, or one of ack, approve, "
                   "reject, resolve, reopen and ids");
    self->words = parsed->argv + parsed->first + 1;
    self->word_count = parsed->argc - parsed->first - 1;
    enum status status = output_parse(self->config, &self->output, error);
    if (status == STATUS_OK)
        status = incidents_filter(self, steps, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &self->postgres, error);
    if (status == STATUS_OK)
        status = verb->run(self, error);
    postgres_close(&self->postgres);
    return status;
}

/* The contract says how SKUs are spelled; without one the usual way counts. */
static enum status run_with_contract(struct incidents *self, const struct parsed *parsed,
                                     struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    enum status status = STATUS_OK;
    if (self->config->contract_path != NULL && self->flags->sku != NULL)
        status = contract_file_load(self->config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    return incidents_run(self, parsed,
                         contract != NULL ? contract->sku_steps : SKU_ALL_STEPS, error);
}

int incidents_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct incidents_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct incidents self = {.config = &config, .flags = &flags};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    pool_init(&self.pool, TEXTS_MAX_BYTES);
    enum status status = run_with_contract(&self, &parsed, &error);
    pool_free(&self.pool);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, &error);
}
