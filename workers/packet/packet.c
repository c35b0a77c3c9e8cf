/*
 * parstock packet: the inventory reliability packet of a week, and the check of one.
 */
#include "workers/packet/packet.h"

#include "common/base/check.h"
#include "workers/commands.h"

#include <stddef.h>

static const struct flag FLAGS[] = {
    {"out", FLAG_TEXT, offsetof(struct packet_flags, out), "DIR",
     "the folder that is made; default: packet-WEEK, such as packet-2026-W48"},
    {"force", FLAG_SWITCH, offsetof(struct packet_flags, force), NULL,
     "a packet that is there already is replaced, in one step"},
    {"dry-run", FLAG_SWITCH, offsetof(struct packet_flags, dry_run), NULL,
     "makes all of it and says what it would be, and leaves nothing behind"},
    {"any-drawing", FLAG_SWITCH, offsetof(struct packet_flags, any_drawing), NULL,
     "verify: a packet that another version of parstock drew passes by its digests and its "
     "verdict; page and tables are not drawn again"},
};

static const struct command_spec SPEC = {
    .name = "packet",
    .summary = "the inventory reliability packet of a week, and the check of one",
    .usage = "[WEEK] [--out DIR] [--force] [--dry-run] | verify DIR [--any-drawing]",
    .detail =
        "Without 'verify': one folder with everything that says whether stock sync works in "
        "a week: packet.html (works offline, prints well), the same as JSON and CSV, and "
        "manifest.json with the digest of every file. WEEK is such as 2026-W48, or a day "
        "of it; default: the last week that is over. A week that 'parstock week decide' "
        "has decided is shown as it was decided; --contract must be the contract file of "
        "then.\n\n"
        "'verify DIR' needs neither database nor contract file: it checks every digest, "
        "reads the data strictly, derives the verdict again from the inputs, and draws the "
        "page and the tables again. It names what was altered. Exit code 1 where "
        "something was, 65 where DIR is no packet.",
    .operands = 2,
    .uses = CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_OUTPUT,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static enum status unset(struct error *error, const char *text)
{
    (void)error_set(error, STATUS_FATAL, "%s", text);
    return error_exit(error, EXIT_CONFIG);
}

static enum status make(const struct config *config, const struct packet_flags *flags,
                        const char *week, enum output output, struct error *error)
{
    if (flags->out != NULL && flags->out[0] == '\0')
        return error_usage(error, "--out: say which folder");
    if (config->contract_path == NULL)
        return unset(error, "set PARSTOCK_CONTRACT or --contract");
    if (config->postgres == NULL)
        return unset(error, "set PARSTOCK_POSTGRES or --postgres");
    return packet_make(config, flags, week, output, error);
}

static enum status run(const struct config *config, const struct parsed *parsed,
                       const struct packet_flags *flags, struct error *error)
{
    int count = parsed->argc - parsed->first;
    char **words = parsed->argv + parsed->first;
    enum output output = OUTPUT_TABLE;
    enum status status = output_parse(config, &output, error);
    if (status != STATUS_OK)
        return status;
    if (count > 0 && strcmp(words[0], "verify") == 0) {
        if (count == 2)
            return packet_verify(words[1], flags, output, error);
        return error_usage(error, "say which: parstock packet verify DIR");
    }
    if (count > 1)
        return error_usage(error, "one week at a time; 'verify DIR' checks a packet");
    return make(config, flags, count == 1 ? words[0] : NULL, output, error);
}

int packet_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct packet_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (run(&config, &parsed, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
