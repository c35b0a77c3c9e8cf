/*
 * parstock undo: take one import or replay back.
 */
#include "workers/undo/undo.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/login.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>

#define HELP_BYTES_MAX ((size_t)64 * 1024)
#define PREFIX_LEAST 8
#define WHY_BYTES_MAX 2000
#define LIMIT_DEFAULT 30
#define LIMIT_MAX 10000

static const struct flag FLAGS[] = {
    {"list", FLAG_SWITCH, offsetof(struct undo_flags, list), NULL,
     "name the newest batches instead"},
    {"limit", FLAG_INTEGER, offsetof(struct undo_flags, limit), "N",
     "with --list: so many; default 30"},
    {"dry-run", FLAG_SWITCH, offsetof(struct undo_flags, dry_run), NULL,
     "show the plan and do nothing"},
    {"confirm", FLAG_TEXT, offsetof(struct undo_flags, confirm), "NAME",
     "a shop's, the feed's or the shadow's name, where more than 25 pairs are meant"},
    {"by", FLAG_TEXT, offsetof(struct undo_flags, by), "NAME",
     "who does it; default: the login name"},
    {"why", FLAG_TEXT, offsetof(struct undo_flags, why), "TEXT", "why, for the record"},
};

static const struct command_spec SPEC = {
    .name = "undo",
    .summary = "take one import or replay back",
    .usage = "BATCH [--dry-run] [--confirm NAME] | --list",
    .detail =
        "BATCH is the id of an import, a replay into the live state, a promotion of a shadow "
        "or a resync, as --list prints it; the first eight signs do.\n\n"
        "An import is taken back by events: each source's reading is led back to what it "
        "was before, with its moment, version and watermark, so that its next own count is "
        "judged as if the batch had never been, and orders since then stay taken off. A "
        "pair that has moved since, or of which nothing was known before, is refused and "
        "named; the others are taken back all the same. So is a replay into the live state: "
        "what was known is untouched, what was news goes back, and orders get their "
        "opposites.\n\n"
        "A promotion is taken back by the state that it took the place of: that judges what "
        "came since, and takes the live state's place under the same fence; nothing that came "
        "since is lost. Give every apply the former contract file first.\n\n"
        "Of a resync the plan says what it wrote; it can't be taken back, since a shop shows "
        "what its source says: correct the source.\n\n"
        "Taking back twice changes nothing. The events are stored before they are sent; a "
        "try that was cut short is sent again to the byte. docs/undo.md has the rules. "
        "Exit codes: 1 where pairs were refused, or there is no such batch; 75 where apply "
        "has not judged everything yet; 77 where --confirm is missing.",
    .operands = 1,
    .uses = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES | CONFIG_OUTPUT,
    .needs = CONFIG_CONTRACT | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static enum status refuse(struct error *error, int exit_code, const char *why)
{
    (void)error_set(error, STATUS_REJECT, "%s", why);
    return error_exit(error, exit_code);
}

/* ---- the plan --------------------------------------------------------------------------------- */

void undo_plan_begin(struct undo_plan *plan)
{
    *plan = (struct undo_plan){0};
    plan->end = &plan->first;
}

struct undo_line *undo_plan_add(struct undo *self, struct undo_plan *plan)
{
    struct undo_line *line = pool_take(&self->pool, sizeof(*line));
    if (line == NULL)
        return NULL;
    *line = (struct undo_line){.rule = ""};
    *plan->end = line;
    plan->end = &line->next;
    return line;
}

void undo_plan_count(struct undo_plan *plan, const struct undo_line *line)
{
    plan->pairs++;
    plan->to_do += line->fate == UNDO_DO ? 1 : 0;
    plan->skipped += line->fate == UNDO_SKIP ? 1 : 0;
    plan->refused += line->fate == UNDO_REFUSE ? 1 : 0;
}

/* ---- which batch --------------------------------------------------------------------------------- */

struct finding {
    struct undo *self;
    size_t count;
    bool is_exact;
    struct span wanted;
    bool failed;
};

static enum status take_batch(void *self, const struct undo_batch *batch,
                              struct error *error)
{
    struct finding *finding = self;
    struct undo *undo = finding->self;
    (void)error;
    if (finding->count++ > 0)
        return STATUS_OK;
    finding->is_exact = span_equal(batch->id, finding->wanted);
    undo->id = pool_span(&undo->pool, batch->id);
    undo->kind = pool_span(&undo->pool, batch->kind);
    undo->name = pool_span(&undo->pool, batch->name);
    undo->file = pool_span(&undo->pool, batch->file);
    finding->failed = undo->id.bytes == NULL || undo->kind.bytes == NULL ||
                      undo->name.bytes == NULL || undo->file.bytes == NULL;
    return STATUS_OK;
}

static enum status find_batch(struct undo *self, const char *word, struct error *error)
{
    struct finding finding = {.self = self, .wanted = span_from(word)};
    const struct undo_batch_visitor visitor = {.each = take_batch, .self = &finding};
    if (finding.wanted.length < PREFIX_LEAST)
        return refuse(error, EXIT_USAGE,
                      "a batch is named by at least eight signs of its "
                      "id; 'parstock undo --list' prints them");
    enum status status = store_undo_find(self->postgres, finding.wanted, &visitor, error);
    if (status != STATUS_OK)
        return status;
    if (finding.failed)
        return error_set(error, STATUS_FATAL, "undo: out of memory");
    if (finding.count == 0)
        return refuse(error, EXIT_FOUND,
                      "there is no such batch; 'parstock undo --list' names the newest");
    if (finding.count > 1 && !finding.is_exact)
        return refuse(error, EXIT_USAGE,
                      "several batches begin like this; say more of "
                      "its id");
    return STATUS_OK;
}

/* ---- doing it ------------------------------------------------------------------------------------ */

struct kind {
    const char *name;
    bool needs_kafka;
    enum status (*plan)(struct undo *self, struct undo_plan *plan, struct error *error);
    enum status (*act)(struct undo *self, struct undo_plan *plan, struct error *error);
};

static const struct kind KINDS[] = {
    {"import", true, undo_plan_import, undo_send},
    {"replay", true, undo_plan_replay, undo_send},
    {"promotion", true, undo_plan_promotion, undo_promote},
    {"resync", false, undo_plan_resync, undo_send},
};

static const struct kind *kind_of(const struct undo *self)
{
    for (size_t at = 0; at < COUNT_OF(KINDS); at++)
        if (span_is(self->kind, KINDS[at].name))
            return &KINDS[at];
    UNREACHABLE("the statement knows these kinds alone");
}

static enum status check_confirmed(const struct undo *self, const struct undo_plan *plan,
                                   struct error *error)
{
    const char *given = self->flags->confirm;
    if (plan->to_do <= UNDO_FEW ||
        (given != NULL && (contract_shop(self->contract, span_from(given)) >= 0 ||
                           span_is(self->name, given))))
        return STATUS_OK;
    struct span name =
        self->contract->shop_count > 0 ? self->contract->shops[0].name : self->name;
    (void)error_set(
        error, STATUS_REJECT,
        "%lld pairs would be taken back; --dry-run shows them; if it is meant: "
        "--confirm '%.*s'",
        (long long)plan->to_do, SPAN_ARGS(name));
    return error_exit(error, EXIT_NOT_ALLOWED);
}

static enum status tell(struct undo *self, const struct undo_plan *plan, bool is_done,
                        struct error *error)
{
    undo_print(self, plan, is_done);
    if (plan->refused == 0)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "%lld of %lld pairs were refused",
                    (long long)plan->refused, (long long)plan->pairs);
    return error_exit(error, EXIT_FOUND);
}

static enum status undo_batch(struct undo *self, const char *word, struct error *error)
{
    struct undo_plan plan;
    undo_plan_begin(&plan);
    enum status status = find_batch(self, word, error);
    if (status != STATUS_OK)
        return status;
    const struct kind *kind = kind_of(self);
    if (kind->needs_kafka && self->config->kafka_brokers == NULL)
        return refuse(error, EXIT_CONFIG,
                      "it is taken back by what lies on the topic: --kafka-brokers "
                      "(PARSTOCK_KAFKA_BROKERS) says where that is");
    status = kind->plan(self, &plan, error);
    if (status == STATUS_OK && self->flags->dry_run)
        return tell(self, &plan, false, error);
    if (status == STATUS_OK)
        status = check_confirmed(self, &plan, error);
    if (status == STATUS_OK)
        status = kind->act(self, &plan, error);
    return status == STATUS_OK ? tell(self, &plan, true, error) : status;
}

/* ---- the command ----------------------------------------------------------------------------------- */

static bool is_plain(struct span text, size_t most)
{
    for (size_t at = 0; at < text.length; at++)
        if ((unsigned char)text.bytes[at] < 0x20 || text.bytes[at] == 0x7f)
            return false;
    return text.length <= most;
}

static enum status check_flags(struct undo *self, const struct parsed *parsed,
                               struct error *error)
{
    bool is_named = parsed->argc > parsed->first;
    if (is_named == self->flags->list)
        return refuse(error, EXIT_USAGE, "say a batch, or --list");
    if (self->flags->limit < 1 || self->flags->limit > LIMIT_MAX)
        return refuse(error, EXIT_USAGE, "--limit is from 1 to 10000");
    if (self->by.length == 0 || !is_plain(self->by, LOGIN_NAME_MAX_BYTES - 1) ||
        !is_plain(self->why, WHY_BYTES_MAX))
        return refuse(error, EXIT_USAGE, "--by and --why are one line each");
    return output_parse(self->config, &self->output, error);
}

static enum status run(struct undo *self, const struct parsed *parsed,
                       struct error *error)
{
    const struct postgres_options options = {.dsn = self->config->postgres,
                                             .schema = self->config->schema,
                                             .application_name = "parstock undo",
                                             .statement_timeout_ms = 600 * 1000};
    enum status status = check_flags(self, parsed, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &self->postgres, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &self->side, error);
    if (status == STATUS_OK)
        status = self->flags->list ? undo_list(self, error)
                                   : undo_batch(self, parsed->argv[parsed->first], error);
    postgres_close(&self->side);
    postgres_close(&self->postgres);
    return status;
}

static enum status run_with_contract(struct undo *self, const struct parsed *parsed,
                                     struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    enum status status =
        contract_file_load(self->config->contract_path, &text, &contract, error);
    self->contract = contract;
    return status == STATUS_OK ? run(self, parsed, error) : status;
}

/* Whoever says nothing wants to know what there is to say. */
static int print_help(void)
{
    SCOPED(buf_free) struct buf help = {0};
    buf_init(&help, HELP_BYTES_MAX);
    config_help(&SPEC, false, &help);
    if (!help.failed)
        fputs(help.bytes, stderr);
    return EXIT_USAGE;
}

int undo_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct undo_flags flags = {.limit = LIMIT_DEFAULT};
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct undo self = {.config = &config, .flags = &flags};
    char login[LOGIN_NAME_MAX_BYTES];
    if (argc == 1)
        return print_help();
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    login_name(login);
    self.by = span_from(flags.by != NULL ? flags.by : login);
    self.why = span_from(flags.why != NULL ? flags.why : "");
    pool_init(&self.pool, UNDO_BYTES_MAX);
    enum status status = run_with_contract(&self, &parsed, &error);
    pool_free(&self.pool);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, &error);
}
