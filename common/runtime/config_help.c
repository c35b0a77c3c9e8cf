#include "common/runtime/config_table.h"

#include "common/base/buf.h"
#include "common/base/check.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#define HELP_INDENT 8
#define HELP_WIDTH 79

/* What one entry of the list of options says, wherever it came from. */
struct option_text {
    char letter;
    const char *flag;
    const char *argument;
    const char *variable;
    bool secret;
    const char *preset; /* its default; NULL = none */
    const char *help;
};

struct exit_text {
    int code;
    const char *meaning;
};

static const struct exit_text EXITS[] = {
    {0, "done"},
    {EXIT_FOUND, "a check found something"},
    {EXIT_USAGE, "wrong use of the command"},
    {EXIT_DATA, "bad input data"},
    {EXIT_UNAVAILABLE, "a service is unavailable"},
    {EXIT_INTERNAL, "internal error"},
    {EXIT_AGAIN, "try again later"},
    {EXIT_NOT_ALLOWED, "not allowed"},
    {EXIT_CONFIG, "configuration"},
};

/* ---- plain text ---------------------------------------------------------------------
 */

/* Words of `text` in lines of HELP_WIDTH; a line feed starts a new line. */
static void help_wrap(struct buf *out, const char *text, size_t indent)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, " \n");
        if (column > 0 && column + 1 + length > HELP_WIDTH) {
            buf_byte(out, '\n');
            column = 0;
        }
        if (length > 0 && column == 0)
            buf_format(out, "%*s", (int)indent, "");
        else if (length > 0)
            buf_byte(out, ' ');
        column += length > 0 ? length + (column == 0 ? indent : 1) : 0;
        buf_add(out, text, length);
        text += length;
        if (*text == '\n') {
            buf_byte(out, '\n');
            column = 0;
        }
        text += *text != '\0' ? 1 : 0;
    }
    buf_byte(out, '\n');
}

static void plain_option(const struct option_text *option, struct buf *out)
{
    if (option->letter != 0)
        buf_format(out, "  -%c, --%s", option->letter, option->flag);
    else
        buf_format(out, "  --%s", option->flag);
    if (option->argument != NULL)
        buf_format(out, " %s", option->argument);
    buf_byte(out, '\n');
    help_wrap(out, option->help, HELP_INDENT);
    if (option->preset != NULL)
        buf_format(out, "%*sdefault: %s\n", HELP_INDENT, "", option->preset);
    if (option->variable != NULL)
        buf_format(out, "%*svariable: %s%s%s\n", HELP_INDENT, "", option->variable,
                   option->secret ? ", or a file by " : "",
                   option->secret ? option->variable : "");
    if (option->variable != NULL && option->secret) {
        out->length--; /* the line goes on */
        buf_text(out, "_FILE\n");
    }
}

static void plain_begin(const struct command_spec *spec, struct buf *out)
{
    buf_format(out, "parstock %s: %s\n\nusage: parstock %s %s\n", spec->name,
               spec->summary, spec->name, spec->usage != NULL ? spec->usage : "");
    if (spec->detail != NULL) {
        buf_byte(out, '\n');
        help_wrap(out, spec->detail, 0);
    }
    buf_text(out, "\nflags:\n");
}

static void plain_end(const struct command_spec *spec, struct buf *out)
{
    (void)spec;
    buf_text(out, "\nexit codes:\n");
    for (size_t i = 0; i < COUNT_OF(EXITS); i++)
        buf_format(out, "  %-4d  %s\n", EXITS[i].code, EXITS[i].meaning);
}

/* ---- man page -----------------------------------------------------------------------
 */

/* Text as roff wants it: no line begins with a control character, '-' stays a minus. */
static void man_text(struct buf *out, const char *text)
{
    bool line_start = true;
    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            buf_text(out, "\\&");
        line_start = *text == '\n';
        if (*text == '\\')
            buf_text(out, "\\e");
        else if (*text == '-')
            buf_text(out, "\\-");
        else if (*text == '\n' && text[1] == '\n')
            buf_text(out, "\n.PP");
        else
            buf_byte(out, *text);
    }
}

static void man_title(struct buf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == ' ')
            buf_byte(out, '-');
        else
            buf_byte(out, (char)toupper((unsigned char)*name));
    }
}

static void man_option(const struct option_text *option, struct buf *out)
{
    buf_text(out, ".TP\n");
    if (option->letter != 0)
        buf_format(out, "\\fB\\-%c\\fR, ", option->letter);
    buf_text(out, "\\fB\\-\\-");
    man_text(out, option->flag);
    buf_text(out, "\\fR");
    if (option->argument != NULL) {
        buf_text(out, " \\fI");
        man_text(out, option->argument);
        buf_text(out, "\\fR");
    }
    buf_byte(out, '\n');
    man_text(out, option->help);
    buf_text(out, ".\n");
    if (option->preset != NULL) {
        buf_text(out, "Default: ");
        man_text(out, option->preset);
        buf_text(out, ".\n");
    }
    if (option->variable != NULL)
        buf_format(out, "Variable: \\fB%s\\fR.\n", option->variable);
    if (option->variable != NULL && option->secret)
        buf_format(out, "A file may hold it: \\fB%s_FILE\\fR.\n", option->variable);
}

static void man_begin(const struct command_spec *spec, struct buf *out)
{
    buf_text(out, ".TH PARSTOCK-");
    man_title(out, spec->name);
    buf_text(out, " 1 \"\" \"parstock " PARSTOCK_VERSION "\" \"parstock\"\n.SH NAME\n");
    buf_text(out, "parstock\\-");
    for (const char *at = spec->name; *at != '\0'; at++) {
        if (*at == ' ' || *at == '-')
            buf_text(out, "\\-");
        else
            buf_byte(out, *at);
    }
    buf_text(out, " \\- ");
    man_text(out, spec->summary);
    buf_text(out, "\n.SH SYNOPSIS\n\\fBparstock ");
    man_text(out, spec->name);
    buf_text(out, "\\fR ");
    man_text(out, spec->usage != NULL ? spec->usage : "");
    buf_text(out, "\n.SH DESCRIPTION\n");
    man_text(out, spec->detail != NULL ? spec->detail : spec->summary);
    buf_text(out, "\n.SH OPTIONS\n");
}

static void man_end(const struct command_spec *spec, struct buf *out)
{
    (void)spec;
    buf_text(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < COUNT_OF(EXITS); i++)
        buf_format(out, ".TP\n%d\n%s\n", EXITS[i].code, EXITS[i].meaning);
    buf_text(out, ".SH SEE ALSO\n.BR parstock (1)\n");
}

/* ---- both ---------------------------------------------------------------------------
 */

struct help_form {
    void (*begin)(const struct command_spec *spec, struct buf *out);
    void (*option)(const struct option_text *option, struct buf *out);
    void (*end)(const struct command_spec *spec, struct buf *out);
};

static const struct help_form PLAIN = {plain_begin, plain_option, plain_end};
static const struct help_form MAN = {man_begin, man_option, man_end};

static const struct option_text KAFKA_OPTION = {
    .flag = KAFKA_PROPERTY_FLAG,
    .argument = "NAME=VALUE",
    .variable = CONFIG_KAFKA_PREFIX "*",
    .help =
        "any librdkafka property of consumers and producers, e.g. "
        "security.protocol=SASL_SSL; as a variable PARSTOCK_KAFKA__SECURITY_PROTOCOL. "
        "Secrets only as variables, or by their _FILE. Refused are those that would "
        "break exactly-once or order",
};

static const struct option_text HELP_OPTION = {
    .letter = 'h', .flag = "help", .help = "print this help"};

static struct option_text option_of_setting(const struct setting *setting, char *room,
                                            size_t size)
{
    struct option_text option = {.letter = setting->letter,
                                 .flag = setting->flag,
                                 .argument = setting->argument,
                                 .variable = setting->variable,
                                 .secret = setting->secret,
                                 .help = setting->help};
    if (setting->kind == FLAG_INTEGER) {
        (void)snprintf(room, size, "%" PRId64, setting->integer_default);
        option.preset = room;
    } else if (setting->text_default != NULL && setting->text_default[0] != '\0') {
        option.preset = setting->text_default;
    }
    return option;
}

void config_help(const struct command_spec *spec, bool man, struct buf *out)
{
    const struct help_form *form = man ? &MAN : &PLAIN;
    char room[32];
    form->begin(spec, out);
    for (size_t i = 0; i < spec->flag_count; i++) {
        struct option_text option = {.flag = spec->flags[i].name,
                                     .argument = spec->flags[i].argument,
                                     .help = spec->flags[i].help};
        form->option(&option, out);
    }
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (!setting_is_used(&SETTINGS[i], spec))
            continue;
        struct option_text option = option_of_setting(&SETTINGS[i], room, sizeof(room));
        form->option(&option, out);
    }
    if ((spec->uses & CONFIG_KAFKA) != 0)
        form->option(&KAFKA_OPTION, out);
    form->option(&HELP_OPTION, out);
    form->end(spec, out);
}

void config_flags(const struct command_spec *spec, struct buf *out)
{
    for (size_t i = 0; i < spec->flag_count; i++)
        buf_format(out, "--%s\n", spec->flags[i].name);
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (setting_is_used(&SETTINGS[i], spec))
            buf_format(out, "--%s\n", SETTINGS[i].flag);
    }
    if ((spec->uses & CONFIG_KAFKA) != 0)
        buf_text(out, "--" KAFKA_PROPERTY_FLAG "\n");
    buf_text(out, "--help\n");
}
