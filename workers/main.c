/*
 * parstock: one program, one table of commands. A worker or command is a row here and a
 * directory beside this file.
 */
#include "workers/commands.h"

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/runtime/suggest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum command_group { GROUP_WORKER, GROUP_SET_UP, GROUP_DAILY, GROUP_COUNT };

struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    enum command_group group;
    const char *summary;
};

static const char *const GROUP_TITLES[GROUP_COUNT] = {
    [GROUP_WORKER] = "workers (run until SIGTERM or SIGINT)",
    [GROUP_SET_UP] = "set up and check what lies outside",
    [GROUP_DAILY] = "day to day",
};

static const struct command COMMANDS[] = {
    {"apply", apply_main, GROUP_WORKER,
     "stock changes from Kafka into Postgres, exactly once"},
    {"gateway", gateway_main, GROUP_WORKER,
     "stock changes by HTTP, and the shops' webhooks, into Kafka"},
    {"push", push_main, GROUP_WORKER, "the newest desired levels to the shops"},
    {"drift", drift_main, GROUP_WORKER, "compares the shops with what they should show"},
    {"resolve", resolve_main, GROUP_WORKER,
     "act on drift by the policy, and read back what came of it"},
    {"notify", notify_main, GROUP_WORKER,
     "incidents to Slack, PagerDuty, Alertmanager and webhooks"},
    {"console", console_main, GROUP_WORKER, "a small web page for people"},
    {"up", up_main, GROUP_WORKER, "all workers on one machine, supervised"},
    {"dev-broker", dev_broker_main, GROUP_WORKER, "an in-memory broker for first runs"},
    {"migrate", migrate_main, GROUP_SET_UP, "bring the database schema to this version"},
    {"retention", retention_main, GROUP_SET_UP,
     "make the ledger's partitions ahead, drop the old"},
    {"topics", topics_main, GROUP_SET_UP, "create and check the topics"},
    {"catalog", catalog_main, GROUP_SET_UP, "map SKUs to the items of the shops"},
    {"webhooks", webhooks_main, GROUP_SET_UP,
     "ask the shops for the webhooks that are needed"},
    {"doctor", doctor_main, GROUP_SET_UP, "check everything that parstock depends on"},
    {"docs", docs_main, GROUP_SET_UP,
     "check that every cause, guard and alert has its page"},
    {"import", import_main, GROUP_DAILY, "CSV or JSON Lines feeds into stock changes"},
    {"levels", levels_main, GROUP_DAILY,
     "ruling levels, and what each shop should show and shows"},
    {"explain", explain_main, GROUP_DAILY,
     "every event, write and finding that made a SKU's numbers"},
    {"incidents", incidents_main, GROUP_DAILY,
     "what needs a person, and what happened to it"},
    {"dead-letters", dead_letters_main, GROUP_DAILY,
     "what was refused and why; send it again once mended"},
    {"resync", resync_main, GROUP_DAILY,
     "have pairs read in the shop and written where they differ"},
    {"undo", undo_main, GROUP_DAILY, "take one import back"},
    {"spot-checks", spot_checks_main, GROUP_DAILY,
     "which shelves to count, and what was counted"},
    {"packet", packet_main, GROUP_DAILY,
     "the reliability packet of a week, and the check of one"},
    {"verify", verify_main, GROUP_DAILY,
     "levels after a release or bulk change against those before it"},
    {"troubleshoot", troubleshoot_main, GROUP_DAILY,
     "one bundle of evidence: what changed, waits and failed"},
    {"replay", replay_main, GROUP_DAILY,
     "judge the history of the topic once more, beside the live state"},
    {"policy", policy_main, GROUP_DAILY,
     "check, explain and try the rules of the contract file"},
    {"capacity", capacity_main, GROUP_DAILY, "what your own figures ask for"},
    {"baseline", baseline_main, GROUP_DAILY,
     "mismatch and oversell rate before automation, to hold weeks against"},
    {"week", week_main, GROUP_DAILY,
     "is stock sync working? the week's numbers, verdict and decision"},
    {"audit", audit_main, GROUP_DAILY, "prove that the ledger and the levels agree"},
    {"normalize", normalize_main, GROUP_DAILY, "normalise SKUs from standard input"},
};

/* ---- help ---------------------------------------------------------------------------
 */

static void print_group(FILE *out, enum command_group group)
{
    fprintf(out, "\n%s:\n", GROUP_TITLES[group]);
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++) {
        if (COMMANDS[i].group == group)
            fprintf(out, "  %-12s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    }
}

static void print_help(FILE *out)
{
    fputs("parstock " PARSTOCK_VERSION
          ": keeps a Shopify shop's stock at par with what can really be sold\n\n"
          "usage: parstock COMMAND [FLAGS]\n"
          "       parstock help COMMAND\n"
          "       parstock --version\n",
          out);
    for (int group = 0; group < GROUP_COUNT; group++)
        print_group(out, (enum command_group)group);
    fputs("\nSettings come from PARSTOCK_* variables; flags override them. "
          "'parstock help COMMAND'\nlists those of a command.\n",
          out);
}

static void print_man_rows(void)
{
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++)
        printf(".TP\n\\fB%s\\fR\n%s; see \\fBparstock\\-%s\\fR(1).\n", COMMANDS[i].name,
               COMMANDS[i].summary, COMMANDS[i].name);
}

static void print_man(void)
{
    fputs(".TH PARSTOCK 1 \"\" \"parstock " PARSTOCK_VERSION "\" \"parstock\"\n"
          ".SH NAME\nparstock \\- keeps a Shopify shop's stock at par with what can "
          "really be sold\n"
          ".SH SYNOPSIS\n\\fBparstock\\fR \\fICOMMAND\\fR [\\fIFLAGS\\fR]\n"
          ".SH DESCRIPTION\n"
          "Stock changes come in by Kafka, are applied in order per SKU and exactly once "
          "to Postgres,\nand are pushed to the shop without selling a unit twice.\n"
          ".SH COMMANDS\n",
          stdout);
    print_man_rows();
    fputs(".SH ENVIRONMENT\nEach command lists its variables.\n", stdout);
}

static void print_commands(void)
{
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++)
        puts(COMMANDS[i].name);
}

/* Asks the program itself, so that it never differs from the table. */
static void print_completion(void)
{
    fputs(
        "# bash completion of parstock\n"
        "_parstock() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]}\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
        "        COMPREPLY=($(compgen -W \"help $(parstock help --commands)\" -- \"$word\"))\n"
        "    elif [ \"${COMP_WORDS[1]}\" = help ]; then\n"
        "        COMPREPLY=($(compgen -W \"$(parstock help --commands)\" -- \"$word\"))\n"
        "    elif [[ $word == -* ]]; then\n"
        "        COMPREPLY=($(compgen -W "
        "\"$(parstock \"${COMP_WORDS[1]}\" --help=flags 2>/dev/null)\" -- \"$word\"))\n"
        "    else\n"
        "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
        "    fi\n"
        "}\n"
        "complete -F _parstock parstock\n",
        stdout);
}

/* ---- finding the command --------------------------------------------------------------
 */

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    }
    return NULL;
}

static int command_unknown(const char *name)
{
    struct suggestion suggestion;
    suggest_begin(&suggestion, name);
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++)
        suggest_offer(&suggestion, COMMANDS[i].name);
    fprintf(stderr, "parstock: unknown command '%.60s'", name);
    if (suggestion.best != NULL)
        fprintf(stderr, "; did you mean '%s'?\n", suggestion.best);
    else
        fputs("; 'parstock help' lists them\n", stderr);
    return EXIT_USAGE;
}

static int command_help(const char *name, bool man)
{
    char text[] = "--help";
    char roff[] = "--help=man";
    const struct command *command = command_find(name);
    if (command == NULL)
        return command_unknown(name);
    char own_name[32];
    (void)snprintf(own_name, sizeof(own_name), "%s", command->name);
    char *arguments[] = {own_name, man ? roff : text, NULL};
    return command->main(2, arguments);
}

/* What packaging asks for: lists and files rather than help for a person. */
struct listing {
    const char *flag;
    void (*print)(void);
};

static const struct listing LISTINGS[] = {
    {"--commands", print_commands},
    {"--bash-completion", print_completion},
};

static int help_on(const char *word, bool man)
{
    for (size_t i = 0; i < COUNT_OF(LISTINGS); i++) {
        if (strcmp(LISTINGS[i].flag, word) != 0)
            continue;
        LISTINGS[i].print();
        return 0;
    }
    return command_help(word, man);
}

/* help, help COMMAND, help --man [COMMAND], help --commands, help --bash-completion */
static int help_main(int argc, char **argv)
{
    bool man = argc > 1 && strcmp(argv[1], "--man") == 0;
    int first = man ? 2 : 1;
    if (argc > first)
        return help_on(argv[first], man);
    if (man)
        print_man();
    else
        print_help(stdout);
    return 0;
}

/* Standard output that could not be written (a full disk) is no success. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fputs("parstock: standard output could not be written\n", stderr);
    return code != 0 ? code : EXIT_INTERNAL;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
        strcmp(name, "-h") == 0)
        return finish(help_main(argc - 1, argv + 1));
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        puts("parstock " PARSTOCK_VERSION);
        return finish(0);
    }
    const struct command *command = command_find(name);
    if (command == NULL)
        return command_unknown(name);
    return finish(command->main(argc - 1, argv + 1));
}
