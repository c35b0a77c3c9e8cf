/*
 * Files of Prometheus alert rules, read for two things only: which alerts there are, and
 * which page of the project each links (`runbook_url`, or the file's name as `runbook`). Lines are enough for that: the files
 * are ours, may be templates, and are judged as YAML elsewhere.
 */
#ifndef PARSTOCK_CODEC_ALERT_RULES_H
#define PARSTOCK_CODEC_ALERT_RULES_H

#include "common/base/span.h"

struct alert_rule {
    struct span name;
    struct span page; /* from "docs/" on, or a file's name; empty: it links none */
    bool is_file;     /* `runbook: x.md`: in the folder of the runbooks */
};

struct alert_rules_visitor {
    void (*each)(void *self, const struct alert_rule *rule);
    void *self;
};

void alert_rules_read(struct span text, const struct alert_rules_visitor *visitor);

#endif
