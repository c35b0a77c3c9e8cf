#include "common/runtime/config.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/runtime/config_table.h"
#include "common/runtime/suggest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HELP_MAX ((size_t)256 * 1024)

/* One walk over argv: what is left of it, and where the values go. */
struct walk {
    const struct command_spec *spec;
    int argc;
    char **argv;
    int next;        /* the argument looked at */
    int positionals; /* found so far; they stand right before `next` */
    struct config *config;
    void *own;
};

/* A flag as typed: --name, --name=value, -o value, -ovalue. */
struct typed {
    struct span name;
    const char *value; /* NULL: the next argument, if one is needed */
    char shown[64];    /* for errors */
};

/* ---- environment --------------------------------------------------------------------
 */

static enum status config_text(const struct setting *setting, const char **text_out,
                               struct error *error)
{
    if (setting->secret)
        return config_secret(setting->variable, text_out, error);
    const char *text = setting->variable != NULL ? getenv(setting->variable) : NULL;
    *text_out = text != NULL && text[0] != '\0' ? text : NULL;
    return STATUS_OK;
}

static enum status config_environment(const struct command_spec *spec,
                                      struct config *config, struct error *error)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &SETTINGS[i];
        if (!setting_is_used(setting, spec))
            continue;
        const char *text = NULL;
        enum status status = config_text(setting, &text, error);
        if (status == STATUS_OK && text != NULL)
            status = setting_store(setting, text, setting->variable, config, error);
        if (status != STATUS_OK)
            return status;
        if (text != NULL && setting->offset == offsetof(struct config, admin_listen))
            config->admin_listen_asked = true;
        if (text != NULL && setting->offset == offsetof(struct config, gateway_listen))
            config->gateway_listen_asked = true;
    }
    if ((spec->uses & CONFIG_KAFKA) == 0)
        return STATUS_OK;
    return config_kafka_environment(config, error);
}

/* ---- flags --------------------------------------------------------------------------
 */

static bool is_flag(const char *argument)
{
    return argument[0] == '-' && argument[1] != '\0';
}

static struct typed flag_split(const char *argument)
{
    struct typed typed = {0};
    bool is_long = argument[1] == '-';
    const char *name = argument + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t length = is_long ? strlen(name) : 1;
    if (equals != NULL) {
        length = (size_t)(equals - name);
        typed.value = equals + 1;
    } else if (!is_long && name[1] != '\0') {
        typed.value = name + 1;
    }
    typed.name = (struct span){.bytes = name, .length = length};
    (void)snprintf(typed.shown, sizeof(typed.shown), "%s%.*s", is_long ? "--" : "-",
                   SPAN_ARGS(typed.name));
    return typed;
}

static const struct setting *setting_typed(const struct command_spec *spec,
                                           const struct typed *typed)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (!setting_is_used(&SETTINGS[i], spec))
            continue;
        bool is_long = typed->shown[1] == '-';
        if (is_long ? span_is(typed->name, SETTINGS[i].flag)
                    : SETTINGS[i].letter == typed->name.bytes[0])
            return &SETTINGS[i];
    }
    return NULL;
}

static const struct flag *own_typed(const struct command_spec *spec,
                                    const struct typed *typed)
{
    for (size_t i = 0; i < spec->flag_count; i++) {
        if (typed->shown[1] == '-' && span_is(typed->name, spec->flags[i].name))
            return &spec->flags[i];
    }
    return NULL;
}

static enum status flag_unknown(const struct command_spec *spec,
                                const struct typed *typed, struct error *error)
{
    struct suggestion suggestion;
    suggest_begin(&suggestion, typed->shown + (typed->shown[1] == '-' ? 2 : 1));
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (setting_is_used(&SETTINGS[i], spec))
            suggest_offer(&suggestion, SETTINGS[i].flag);
    }
    for (size_t i = 0; i < spec->flag_count; i++)
        suggest_offer(&suggestion, spec->flags[i].name);
    if (suggestion.best != NULL)
        return error_set(error, STATUS_REJECT, "unknown flag %s; did you mean --%s?",
                         typed->shown, suggestion.best);
    return error_set(error, STATUS_REJECT, "unknown flag %s", typed->shown);
}

/* The flag's value: behind the '=', or the next argument, which is then used up. */
static enum status flag_value(struct walk *walk, const struct typed *typed,
                              const char **value_out, struct error *error)
{
    *value_out = typed->value;
    if (typed->value != NULL)
        return STATUS_OK;
    if (walk->next + 1 >= walk->argc)
        return error_set(error, STATUS_REJECT, "%s needs a value", typed->shown);
    walk->next++;
    *value_out = walk->argv[walk->next];
    return STATUS_OK;
}

static enum status list_add(const struct flag *flag, const char *value,
                            struct flag_list *list, struct error *error)
{
    if (list->count == FLAG_LIST_MAX)
        return error_set(error, STATUS_REJECT, "--%s comes at most %d times", flag->name,
                         FLAG_LIST_MAX);
    list->texts[list->count++] = value;
    return STATUS_OK;
}

static enum status own_store(const struct flag *flag, const char *value, void *own,
                             struct error *error)
{
    char *at = (char *)own + flag->offset;
    int64_t number = 0;
    if (flag->kind == FLAG_LIST)
        return list_add(flag, value, (struct flag_list *)(void *)at, error);
    if (flag->kind == FLAG_TEXT) {
        *(const char **)(void *)at = value;
        return STATUS_OK;
    }
    if (!span_to_int64(span_from(value), &number))
        return error_set(error, STATUS_REJECT, "--%s is an integer, not '%.40s'",
                         flag->name, value);
    *(int64_t *)(void *)at = number;
    return STATUS_OK;
}

static enum status own_flag(struct walk *walk, const struct flag *flag,
                            const struct typed *typed, struct error *error)
{
    ASSERT(walk->own != NULL);
    const char *value = NULL;
    if (flag->kind == FLAG_SWITCH) {
        if (typed->value != NULL)
            return error_set(error, STATUS_REJECT, "--%s takes no value", flag->name);
        *(bool *)(void *)((char *)walk->own + flag->offset) = true;
        return STATUS_OK;
    }
    enum status status = flag_value(walk, typed, &value, error);
    if (status != STATUS_OK)
        return status;
    return own_store(flag, value, walk->own, error);
}

static enum status setting_flag(struct walk *walk, const struct setting *setting,
                                const struct typed *typed, struct error *error)
{
    const char *value = NULL;
    enum status status = flag_value(walk, typed, &value, error);
    if (status != STATUS_OK)
        return status;
    if (setting->offset == offsetof(struct config, admin_listen))
        walk->config->admin_listen_asked = true;
    if (setting->offset == offsetof(struct config, gateway_listen))
        walk->config->gateway_listen_asked = true;
    if (setting_store(setting, value, typed->shown, walk->config, error) != STATUS_OK)
        error->status = STATUS_REJECT; /* typed by hand: wrong use, not configuration */
    else
        return STATUS_OK;
    return STATUS_REJECT;
}

static enum status kafka_flag(struct walk *walk, const struct typed *typed,
                              struct error *error)
{
    const char *value = NULL;
    enum status status = flag_value(walk, typed, &value, error);
    return status != STATUS_OK ? status : config_kafka_flag(value, walk->config, error);
}

static enum status walk_flag(struct walk *walk, struct error *error)
{
    struct typed typed = flag_split(walk->argv[walk->next]);
    const struct flag *own = own_typed(walk->spec, &typed);
    if (own != NULL)
        return own_flag(walk, own, &typed, error);
    const struct setting *setting = setting_typed(walk->spec, &typed);
    if (setting != NULL)
        return setting_flag(walk, setting, &typed, error);
    if ((walk->spec->uses & CONFIG_KAFKA) != 0 &&
        strcmp(typed.shown, "--" KAFKA_PROPERTY_FLAG) == 0)
        return kafka_flag(walk, &typed, error);
    return flag_unknown(walk->spec, &typed, error);
}

/* Moves the `count` arguments at `from` in front of the positionals before them. */
static void walk_rotate(struct walk *walk, int from, int count)
{
    for (int i = 0; i < count; i++) {
        char *argument = walk->argv[from + i];
        int slot = from + i - walk->positionals;
        memmove(&walk->argv[slot + 1], &walk->argv[slot],
                sizeof(char *) * (size_t)walk->positionals);
        walk->argv[slot] = argument;
    }
}

/* Flags may stand anywhere before "--"; positionals keep their order and end up last. */
static enum status walk_run(struct walk *walk, int *first_out, struct error *error)
{
    for (walk->next = 1; walk->next < walk->argc; walk->next++) {
        int start = walk->next;
        if (strcmp(walk->argv[start], "--") == 0) {
            walk_rotate(walk, start, 1);
            *first_out = start + 1 - walk->positionals;
            return STATUS_OK;
        }
        if (!is_flag(walk->argv[start])) {
            walk->positionals++;
            continue;
        }
        enum status status = walk_flag(walk, error);
        if (status != STATUS_OK)
            return status;
        walk_rotate(walk, start, walk->next + 1 - start);
    }
    *first_out = walk->argc - walk->positionals;
    return STATUS_OK;
}

/* ---- help ---------------------------------------------------------------------------
 */

/* What was asked for before any setting is looked at, so that help needs no set-up. */
static const char *help_asked(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return "text";
        if (strncmp(argv[i], "--help=", strlen("--help=")) == 0)
            return argv[i] + strlen("--help=");
    }
    return NULL;
}

static enum status help_print(const struct command_spec *spec, const char *form,
                              struct error *error)
{
    struct buf out;
    buf_init(&out, HELP_MAX);
    if (strcmp(form, "flags") == 0)
        config_flags(spec, &out);
    else
        config_help(spec, strcmp(form, "man") == 0, &out);
    bool failed = out.failed || fwrite(out.bytes, 1, out.length, stdout) != out.length ||
                  fflush(stdout) != 0;
    buf_free(&out);
    if (!failed)
        return STATUS_OK;
    error_set(error, STATUS_FATAL, "the help could not be written to standard output");
    return error_exit(error, EXIT_INTERNAL);
}

/* ---- the whole ----------------------------------------------------------------------
 */

static enum status config_needs(const struct command_spec *spec,
                                const struct config *config, struct error *error)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &SETTINGS[i];
        if ((setting->uses & spec->needs) == 0 || setting->uses == CONFIG_ALWAYS ||
            setting->kind != FLAG_TEXT || setting->text_default != NULL)
            continue;
        const char *const *at =
            (const char *const *)(const void *)((const char *)config + setting->offset);
        if (*at == NULL)
            return error_set(error, STATUS_FATAL, "%s is not set%s; set it or give --%s",
                             setting->variable, setting->secret ? ", nor its _FILE" : "",
                             setting->flag);
    }
    return STATUS_OK;
}

static enum status config_finish(enum status status, struct error *error)
{
    if (status == STATUS_REJECT)
        error_exit(error, EXIT_USAGE);
    if (status == STATUS_FATAL && error->exit_code == 0)
        error_exit(error, EXIT_CONFIG);
    return status;
}

enum status config_parse(const struct command_spec *spec, struct parsed *parsed,
                         struct config *config, void *own, struct error *error)
{
    ASSERT(parsed->argc >= 1);
    *config = (struct config){0};
    parsed->first = parsed->argc;
    const char *form = help_asked(parsed->argc, parsed->argv);
    parsed->done = form != NULL;
    if (form != NULL)
        return help_print(spec, form, error);
    for (size_t i = 0; i < SETTINGS_COUNT; i++)
        setting_store_default(&SETTINGS[i], config);
    struct walk walk = {.spec = spec,
                        .argc = parsed->argc,
                        .argv = parsed->argv,
                        .config = config,
                        .own = own};
    enum status status = config_environment(spec, config, error);
    if (status == STATUS_OK)
        status = walk_run(&walk, &parsed->first, error);
    if (status == STATUS_OK && parsed->argc - parsed->first > spec->operands)
        status = error_set(error, STATUS_REJECT, "'%s' is one argument too many",
                           parsed->argv[parsed->first + spec->operands]);
    if (status == STATUS_OK)
        status = config_needs(spec, config, error);
    return config_finish(status, error);
}

int config_fail(const struct command_spec *spec, const struct error *error)
{
    int code = error_exit_code(error);
    fprintf(stderr, "parstock %s: %s\n", spec->name, error->text);
    if (code == EXIT_USAGE)
        fprintf(stderr, "Try 'parstock %s --help'.\n", spec->name);
    return code;
}
