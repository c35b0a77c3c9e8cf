/*
 * parstock dead-letters: what apply has refused, why, and sending it again.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/sku_unicode.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "common/runtime/verb.h"
#include "workers/commands.h"
#include "workers/dead_letters/letters.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH_BYTES_MAX ((size_t)1024 * 1024)
#define LIMIT_DEFAULT 100
#define WAIT_DEFAULT_S 120

#define TEXT_FLAG(name, member, argument, help)                                          \
    {                                                                                    \
        name, FLAG_TEXT, offsetof(struct letters_flags, member), argument, help          \
    }
#define SWITCH_FLAG(name, member, help)                                                  \
    {                                                                                    \
        name, FLAG_SWITCH, offsetof(struct letters_flags, member), NULL, help            \
    }

static const struct flag FLAGS[] = {
    TEXT_FLAG("reason", reason, "CODE", "only letters refused with this code"),
    TEXT_FLAG("source", source, "NAME", "only those of this source, as they say"),
    TEXT_FLAG("sku", sku, "SKU", "only those of this SKU, by their value or key"),
    TEXT_FLAG("since", since, "TIME", "refused since: 30m, 2h, 7d or a moment"),
    TEXT_FLAG("until", until, "TIME", "refused before"),
    SWITCH_FLAG("all", all, "also those that were sent again"),
    SWITCH_FLAG("stats", stats, "list: how many, by reason and source, with the remedy"),
    {"limit", FLAG_INTEGER, offsetof(struct letters_flags, limit), "N",
     "list: the newest so many; default 100"},
    {"wait", FLAG_INTEGER, offsetof(struct letters_flags, wait), "SECONDS",
     "how long reading the topic may take; default 120"},
    SWITCH_FLAG("dry-run", dry_run,
                "retry: judge and say what would happen, send nothing"),
    {"set", FLAG_LIST, offsetof(struct letters_flags, set), "FIELD=VALUE",
     "retry: put this into the event; may come several times"},
    TEXT_FLAG("value-file", value_file, "FILE", "retry: the value to send instead"),
    SWITCH_FLAG("edit", edit, "retry: edit the value with $VISUAL or $EDITOR first"),
    TEXT_FLAG("by", by, "NAME", "retry: who does it; default: the login name"),
    TEXT_FLAG("why", why, "TEXT", "retry: why; needed where a value is edited"),
    SWITCH_FLAG("force", force,
                "retry: also what would be refused again, or was sent before"),
    TEXT_FLAG("confirm", confirm, "SHOP",
              "retry: the name of a shop, where more than 25 letters are meant"),
};

static const struct command_spec SPEC = {
    .name = "dead-letters",
    .summary = "what was refused and why; send it again once it is mended",
    .usage = "list [FILTERS] | show LETTER | retry LETTER...|FILTERS",
    .detail =
        "apply puts what it refuses on the topic dead-letters, with its bytes as received, "
        "where it lay, and a code. list prints those that were not sent again, newest "
        "first, and the numbers by reason; show one with its headers and bytes (whatever "
        "a terminal would act on is escaped), what is wrong where, and what to do. LETTER is "
        "PARTITION:OFFSET, as list prints it.\n\n"
        "retry sends letters again to the topic of stock changes, under the key of their "
        "SKU, in the order in which they were refused. Each is judged first as apply would "
        "judge it now: what would be refused again is not sent without --force. The record "
        "carries the header parstock.retry-of with the letter's place. Who sent what "
        "again, when and why is kept in table letter_retries, with digests of the value as "
        "received and as sent.\n\n"
        "Reading needs Kafka alone; without the database it is not known which were sent "
        "again. retry needs the contract and the database; --dry-run does without the "
        "latter. Exit codes: 1 where show finds no letter, or by a filter some were left "
        "unsent; 65 for a letter that is named and is not there or would be refused again; "
        "77 for one that was sent before, or where --confirm is missing; 75 where the topic "
        "could not be read in time.",
    .operands = 1 + LETTERS_NAMED_MAX,
    .uses = CONFIG_KAFKA | CONFIG_POSTGRES | CONFIG_CONTRACT | CONFIG_OUTPUT,
    .needs = CONFIG_KAFKA,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct verb {
    struct verb_words words;
    bool needs_database; /* where one is named it must be there */
    enum status (*run)(struct letters *self, struct error *error);
};

static const struct verb VERBS[] = {
    {{"list", 0, 0}, false, letters_list},
    {{"show", 1, 1}, false, letters_show},
    {{"retry", 0, LETTERS_NAMED_MAX}, true, letters_retry},
};

/* ---- what lies outside ------------------------------------------------------------------------ */

/* Looking goes on without the database; sending again does not. */
static enum status open_database(struct letters *self, const struct verb *verb,
                                 struct error *error)
{
    struct error away = {0};
    const struct postgres_options options =
        database_options(self->config, "parstock dead-letters", 600 * 1000);
    if (self->config->postgres == NULL)
        return STATUS_OK;
    enum status status = postgres_open(&options, &self->postgres, &away);
    if (status == STATUS_OK)
        return STATUS_OK;
    if (verb->needs_database && !self->flags->dry_run) {
        *error = away;
        return status;
    }
    fprintf(stderr, "parstock dead-letters: without the database: %s\n", away.text);
    return STATUS_OK;
}

static enum status run_verb(struct letters *self, const struct verb *verb,
                            const struct parsed *parsed, struct error *error)
{
    int words = parsed->argc - parsed->first - 1;
    enum status status = output_parse(self->config, &self->output, error);
    if (status == STATUS_OK)
        status = letters_filter(self, words, parsed->argv + parsed->first + 1, error);
    if (status == STATUS_OK)
        status = open_database(self, verb, error);
    if (status == STATUS_OK)
        status = verb->run(self, error);
    postgres_close(&self->postgres);
    return status;
}

static enum status letters_run(struct letters *self, const struct parsed *parsed,
                               struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    const struct verb *verb = VERB_FIND(VERBS, parsed);
    enum status status = STATUS_OK;
    if (verb == NULL)
        return error_usage(
            error, "say 'list', 'show PARTITION:OFFSET', or 'retry' with letters or "
                   "filters");
    if (self->config->contract_path != NULL)
        status = contract_file_load(self->config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    self->contract = contract;
    self->sku_steps = contract != NULL ? contract->sku_steps : SKU_ALL_STEPS;
    self->decoder = event_decoder_new();
    if (self->decoder == NULL)
        return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
    (void)snprintf(self->topic, sizeof(self->topic), "%sdead-letters",
                   self->config->topic_prefix);
    (void)snprintf(self->events_topic, sizeof(self->events_topic), "%sstock-changes",
                   self->config->topic_prefix);
    login_name(self->login);
    status = run_verb(self, verb, parsed, error);
    event_decoder_free(&self->decoder);
    free(self->retried.refs);
    return status;
}

int dead_letters_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct letters_flags flags = {.limit = LIMIT_DEFAULT, .wait = WAIT_DEFAULT_S};
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct letters self = {.config = &config, .flags = &flags};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    pool_init(&self.scratch, SCRATCH_BYTES_MAX);
    enum status status = letters_run(&self, &parsed, &error);
    pool_free(&self.scratch);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, &error);
}
