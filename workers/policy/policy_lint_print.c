#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/domain/policy_lint.h"
#include "workers/policy/policy.h"

#include <stdio.h>

#define FAULTS_MAX 2000
#define JSON_BYTES_MAX ((size_t)4 * 1024 * 1024)

static const char *const PLACES[] = {[POLICY_OF_RULE] = "/policy/rules",
                                     [POLICY_OF_GUARDS] = "/policy/guards",
                                     [POLICY_OF_ALERTS] = "/alerts",
                                     [POLICY_OF_KPI] = "/kpi"};

static struct span id_at(const struct contract *contract, size_t rule)
{
    return contract->policy.rules[rule].id;
}

static void add_json(const struct contract *contract, const struct policy_fault *fault,
                     struct buf *out)
{
    char pointer[64];
    (void)snprintf(pointer, sizeof pointer, "%s",
                   PLACES[policy_fault_place(fault->kind)]);
    bool of_rule = policy_fault_place(fault->kind) == POLICY_OF_RULE;
    if (of_rule)
        (void)snprintf(pointer, sizeof pointer, "/policy/rules/%zu", fault->rule);
    buf_byte(out, '{');
    json_member_text(out, "fault", span_from(policy_fault_id(fault->kind)));
    json_member_text(out, "at", span_from(pointer));
    json_member_text(out, "rule",
                     of_rule ? id_at(contract, fault->rule) : (struct span){0});
    json_member_text(out, "other",
                     policy_fault_has_other(fault->kind) ? id_at(contract, fault->other)
                                                         : (struct span){0});
    json_member_text(out, "name", fault->name);
    json_member_text(out, "text", span_from(policy_fault_text(fault->kind)));
    buf_byte(out, '}');
}

static void print_json(const struct contract *contract, const struct policy_fault *faults,
                       size_t count, enum output output)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, JSON_BYTES_MAX);
    bool lines = output == OUTPUT_JSONL;
    if (!lines)
        buf_format(&out, "{\"ok\": %s, \"rules\": %zu, \"faults\": [",
                   count == 0 ? "true" : "false", contract->policy.count);
    for (size_t at = 0; at < count; at++) {
        if (at > 0)
            buf_byte(&out, lines ? '\n' : ',');
        add_json(contract, &faults[at], &out);
    }
    if (!lines)
        buf_text(&out, "]}");
    if (!out.failed && out.length > 0)
        puts(out.bytes);
}

static void print_row(const struct contract *contract, const struct policy_fault *fault)
{
    enum policy_fault_place place = policy_fault_place(fault->kind);
    if (place != POLICY_OF_RULE) {
        printf("%s%s%.*s: %s: %s\n", PLACES[place],
               place == POLICY_OF_ALERTS ? ", class " : "/", SPAN_ARGS(fault->name),
               policy_fault_id(fault->kind), policy_fault_text(fault->kind));
        return;
    }
    printf("/policy/rules/%zu \"%.*s\"", fault->rule,
           SPAN_ARGS(id_at(contract, fault->rule)));
    if (policy_fault_has_other(fault->kind))
        printf(" (and /policy/rules/%zu \"%.*s\")", fault->other,
               SPAN_ARGS(id_at(contract, fault->other)));
    else if (fault->name.bytes != NULL)
        printf(" (\"%.*s\")", SPAN_ARGS(fault->name));
    printf(": %s: %s\n", policy_fault_id(fault->kind), policy_fault_text(fault->kind));
}

static void print_table(const struct contract *contract,
                        const struct policy_fault *faults, size_t count)
{
    for (size_t at = 0; at < count; at++)
        print_row(contract, &faults[at]);
    if (count == 0)
        printf("the policy is sound: %zu rules of the file, and the built-in ones behind "
               "them\n",
               contract->policy.count);
}

enum status policy_print_lint(const struct contract *contract, enum output output,
                              struct error *error)
{
    static struct policy_fault faults[FAULTS_MAX];
    size_t count = policy_lint(contract, faults, FAULTS_MAX);
    size_t shown = count < FAULTS_MAX ? count : FAULTS_MAX;
    if (output == OUTPUT_TABLE)
        print_table(contract, faults, shown);
    else
        print_json(contract, faults, shown, output);
    if (count == 0)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "%zu faults in the policy of the contract file",
                    count);
    return error_exit(error, EXIT_FOUND);
}
