/*
 * Pages of any bytes: what is found lies inside the text, lines only rise, and a link leads
 * to a path below the root or nowhere.
 */
#include "common/base/check.h"
#include "common/codec/alert_rules.h"
#include "common/codec/markdown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATH_BYTES_MAX 8192

struct seen {
    struct span text;
    int64_t line;
    struct buf path;
};

static void must_lie_in(struct span part, struct span text)
{
    ASSERT(part.length == 0 || (part.bytes >= text.bytes &&
                                part.bytes + part.length <= text.bytes + text.length));
}

static void heading(void *self, struct span text, int level)
{
    struct seen *seen = self;
    must_lie_in(text, seen->text);
    ASSERT(level >= 1 && level <= 6);
    buf_clear(&seen->path);
    markdown_anchor(text, &seen->path);
    ASSERT(seen->path.failed || seen->path.length <= text.length);
}

static void must_stay_below(struct span path)
{
    for (size_t at = 0; at < path.length;) {
        size_t end = at;
        while (end < path.length && path.bytes[end] != '/')
            end++;
        struct span step = {path.bytes + at, end - at};
        ASSERT(step.length > 0 && !span_is(step, "..") && !span_is(step, "."));
        at = end + 1;
    }
}

static void link_found(void *self, const struct markdown_link *link)
{
    struct seen *seen = self;
    must_lie_in(link->target, seen->text);
    ASSERT(link->target.length > 0 && link->line >= seen->line);
    seen->line = link->line;
    if (!markdown_is_outside(link->target) &&
        markdown_resolve(SPAN_OF("docs/a/b.md"), link->target, &seen->path))
        must_stay_below(buf_view(&seen->path));
}

static void alert_found(void *self, const struct alert_rule *rule)
{
    const struct seen *seen = self;
    must_lie_in(rule->name, seen->text);
    must_lie_in(rule->page, seen->text);
    ASSERT(rule->name.length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = {.text = {(const char *)data, size}};
    const struct markdown_visitor visitor = {heading, link_found, &seen};
    const struct alert_rules_visitor alerts = {alert_found, &seen};
    buf_init(&seen.path, PATH_BYTES_MAX);
    markdown_read(seen.text, &visitor);
    alert_rules_read(seen.text, &alerts);
    buf_free(&seen.path);
    return 0;
}
