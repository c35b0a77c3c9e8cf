/*
 * push_rules: the table of common/domain/push_rules, a row a JSON line, so that tests can
 * go through all of it.
 */
#include "common/domain/push_rules.h"

#include <stdio.h>

static const char *const MATCHES[] = {
    [PUSH_MATCH_OK] = "ok",
    [PUSH_MATCH_USER_CODE] = "user",
    [PUSH_MATCH_TOP_CODE] = "top",
    [PUSH_MATCH_HTTP] = "http",
    [PUSH_MATCH_TRANSPORT] = "transport",
};

int main(void)
{
    for (size_t at = 0; at < PUSH_RULES_COUNT; at++) {
        const struct push_rule *rule = &PUSH_RULES[at];
        printf("{\"id\":\"%s\",\"match\":\"%s\",\"code\":\"%s\",\"low\":%d,"
               "\"verdict\":\"%s\"}\n",
               rule->id, MATCHES[rule->match], rule->code != NULL ? rule->code : "",
               rule->low, push_verdict_name(rule->verdict));
    }
    return 0;
}
