#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/policy_words.h"
#include "workers/policy/policy.h"

#include <stdio.h>

#define TEXT_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* ---- the rulebook as a table ---------------------------------------------------------- */

static void print_rule(const struct policy_rule *rule)
{
    SCOPED(buf_free) struct buf when = {0};
    buf_init(&when, TEXT_BYTES_MAX);
    policy_when_say(&rule->when, &when);
    printf("  %-10s %.*s\n             when %s\n             why  %.*s\n",
           policy_action_name(rule->action), SPAN_ARGS(rule->id),
           when.failed ? "" : when.bytes, SPAN_ARGS(rule->why));
    if (rule->runbook.bytes != NULL)
        printf("             page %.*s\n", SPAN_ARGS(rule->runbook));
}

static void print_share(const char *name, int64_t share, const char *what)
{
    printf("  %-22s %g %% %s\n", name, (double)share * 100.0 / (double)GUARD_WHOLE, what);
}

static void print_guards(const struct guard_limits *limits)
{
    puts("\nguards: each stops what it guards, and a person lets it go on");
    printf("  %-22s %lld levels that one run may change\n", "max_changed_levels",
           (long long)limits->changed_levels);
    print_share("max_changed_percent", limits->changed_share, "of the levels compared");
    printf("  %-22s %lld levels that one run may set to zero\n", "max_zeroed_levels",
           (long long)limits->zeroed_levels);
    print_share("max_zeroed_percent", limits->zeroed_share, "of the levels compared");
    print_share("max_drifting_percent", limits->drifting_share,
                "of the levels compared may differ");
    printf("  %-22s %lld repairs of one level in a day\n", "max_rewrites_per_day",
           (long long)limits->rewrites_per_day);
}

static void print_table(const struct contract *contract)
{
    puts("never written because a rule says so; such a resync becomes an escalation:");
    for (size_t at = 0; policy_bar(at) != NULL; at++)
        printf("  %-20s %s\n", policy_bar(at)->id, policy_bar(at)->why);
    printf("\nrules of the contract file, the first that fits decides:%s\n",
           contract->policy.count == 0 ? " none" : "");
    for (size_t at = 0; at < contract->policy.count; at++)
        print_rule(&contract->policy.rules[at]);
    puts("\nbuilt-in rules behind them:");
    for (size_t at = 0; policy_builtin(at) != NULL; at++)
        print_rule(policy_builtin(at));
    print_guards(&contract->guards);
}

/* ---- the rulebook as JSON ------------------------------------------------------------- */

static void add_rule(const struct policy_rule *rule, bool is_builtin, struct buf *out)
{
    SCOPED(buf_free) struct buf when = {0};
    buf_init(&when, TEXT_BYTES_MAX);
    policy_when_say(&rule->when, &when);
    buf_byte(out, '{');
    json_member_text(out, "id", rule->id);
    json_member_text(out, "do", span_from(policy_action_name(rule->action)));
    json_member_text(out, "when", buf_view(&when));
    json_member_text(out, "why", rule->why);
    json_member_text(out, "runbook", rule->runbook);
    json_name(out, "builtin");
    buf_text(out, is_builtin ? "true" : "false");
    buf_byte(out, '}');
}

static void add_rules(const struct contract *contract, const char *between,
                      struct buf *out)
{
    for (size_t at = 0; at < contract->policy.count; at++) {
        add_rule(&contract->policy.rules[at], false, out);
        buf_text(out, between);
    }
    for (size_t at = 0; policy_builtin(at) != NULL; at++) {
        if (at > 0)
            buf_text(out, between);
        add_rule(policy_builtin(at), true, out);
    }
}

static void add_bars(struct buf *out)
{
    for (size_t at = 0; policy_bar(at) != NULL; at++) {
        buf_text(out, at > 0 ? "," : "");
        buf_byte(out, '{');
        json_member_text(out, "id", span_from(policy_bar(at)->id));
        json_member_text(out, "why", span_from(policy_bar(at)->why));
        buf_byte(out, '}');
    }
}

static void add_share(struct buf *out, const char *name, int64_t share)
{
    json_name(out, name);
    buf_format(out, "%g", (double)share * 100.0 / (double)GUARD_WHOLE);
}

static void add_guards(const struct guard_limits *limits, struct buf *out)
{
    json_member_number(out, "max_changed_levels", limits->changed_levels);
    add_share(out, "max_changed_percent", limits->changed_share);
    json_member_number(out, "max_zeroed_levels", limits->zeroed_levels);
    add_share(out, "max_zeroed_percent", limits->zeroed_share);
    add_share(out, "max_drifting_percent", limits->drifting_share);
    json_member_number(out, "max_rewrites_per_day", limits->rewrites_per_day);
}

void policy_print_rules(const struct contract *contract, enum output output)
{
    SCOPED(buf_free) struct buf out = {0};
    if (output == OUTPUT_TABLE) {
        print_table(contract);
        return;
    }
    buf_init(&out, TEXT_BYTES_MAX);
    if (output == OUTPUT_JSONL) {
        add_rules(contract, "\n", &out);
    } else {
        buf_byte(&out, '{');
        json_member_text(&out, "contract", span_from(contract->digest));
        json_name(&out, "bars");
        buf_byte(&out, '[');
        add_bars(&out);
        buf_text(&out, "],\"rules\":[");
        add_rules(contract, ",", &out);
        buf_text(&out, "],\"guards\":{");
        add_guards(&contract->guards, &out);
        buf_text(&out, "}}");
    }
    if (!out.failed)
        puts(out.bytes);
}

/* ---- one finding ---------------------------------------------------------------------- */

static void print_verdict_json(const struct policy_verdict *verdict)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, TEXT_BYTES_MAX);
    buf_byte(&out, '{');
    json_member_text(&out, "do", span_from(policy_action_name(verdict->action)));
    json_member_text(&out, "rule", verdict->rule->id);
    json_name(&out, "builtin");
    buf_text(&out, verdict->is_builtin ? "true" : "false");
    json_member_text(&out, "why", verdict->rule->why);
    json_member_text(&out, "bar",
                     span_from(verdict->bar != NULL ? verdict->bar->id : NULL));
    json_member_text(&out, "bar_why",
                     span_from(verdict->bar != NULL ? verdict->bar->why : NULL));
    json_member_text(&out, "runbook", verdict->runbook);
    buf_byte(&out, '}');
    if (!out.failed)
        puts(out.bytes);
}

void policy_print_verdict(const struct contract *contract,
                          const struct policy_facts *facts, enum output output)
{
    const struct policy_verdict verdict = policy_judge(&contract->policy, facts);
    if (output != OUTPUT_TABLE) {
        print_verdict_json(&verdict);
        return;
    }
    printf("%s: %.*s%s\n", policy_action_name(verdict.action),
           SPAN_ARGS(verdict.rule->id),
           verdict.is_builtin ? " (no rule of the file fits)" : "");
    printf("why      %.*s\n", SPAN_ARGS(verdict.rule->why));
    if (verdict.bar != NULL)
        printf("but      the rule asks for a resync: %s (%s)\n", verdict.bar->why,
               verdict.bar->id);
    printf("runbook  %.*s\n", SPAN_ARGS(verdict.runbook));
}
