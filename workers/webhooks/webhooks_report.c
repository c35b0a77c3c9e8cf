#include "workers/webhooks/webhooks_report.h"

#include "common/base/check.h"
#include "common/codec/json_text.h"

/* The word of a line: what was done, else how it stands. */
static const char *word_of(const struct webhook_page *page, int topic)
{
    static const char *const DEEDS[] = {
        [DEED_NONE] = NULL,         [DEED_PLANNED] = "to do",
        [DEED_CREATED] = "created", [DEED_CHANGED] = "changed",
        [DEED_REFUSED] = "refused",
    };
    const char *deed = DEEDS[page->rows[topic].deed];
    return deed != NULL ? deed : webhook_state_word(page->webhooks.topics[topic].state);
}

static bool is_good(const struct webhook_page *page, int topic)
{
    enum webhook_deed deed = page->rows[topic].deed;
    return page->webhooks.topics[topic].state == WEBHOOK_STATE_GOOD ||
           deed == DEED_CREATED || deed == DEED_CHANGED;
}

static const char *detail_of(const struct webhook_page *page, int topic)
{
    if (page->rows[topic].deed == DEED_REFUSED)
        return page->rows[topic].refusal;
    return is_good(page, topic) ? ""
                                : webhook_state_why(page->webhooks.topics[topic].state);
}

bool webhook_page_is_good(const struct webhook_page *page)
{
    for (int topic = 0; topic < WEBHOOK_TOPIC_COUNT; topic++)
        if (!is_good(page, topic))
            return false;
    return true;
}

static void line_json(const struct webhook_page *page, int topic, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "shop", page->shop);
    json_member_text(out, "topic",
                     span_from(webhook_kind((enum webhook_topic)topic)->id));
    json_name(out, "ok");
    buf_text(out, is_good(page, topic) ? "true" : "false");
    json_member_text(out, "state", span_from(word_of(page, topic)));
    json_member_text(out, "address", page->webhooks.topics[topic].uri);
    const char *detail = detail_of(page, topic);
    json_member_text(out, "detail", span_from(detail[0] != '\0' ? detail : NULL));
    buf_byte(out, '}');
}

static void line_text(const struct webhook_page *page, int topic, struct buf *out)
{
    const struct shop_webhook *webhook = &page->webhooks.topics[topic];
    buf_format(out, "%-8s %.*s  %-22s", word_of(page, topic), SPAN_ARGS(page->shop),
               webhook_kind((enum webhook_topic)topic)->id);
    if (webhook->uri.bytes != NULL)
        buf_format(out, "  %.*s", SPAN_ARGS(webhook->uri));
    if (detail_of(page, topic)[0] != '\0')
        buf_format(out, "\n         %s", detail_of(page, topic));
    buf_byte(out, '\n');
}

static void page_text(const struct webhook_page *page, struct buf *out)
{
    for (int topic = 0; topic < WEBHOOK_TOPIC_COUNT; topic++)
        line_text(page, topic, out);
    if (page->webhooks.elsewhere > 0)
        buf_format(out,
                   "note: %.*s sends some of these topics to %zu other addresses of this "
                   "app too\n",
                   SPAN_ARGS(page->shop), page->webhooks.elsewhere);
}

static void lines_json(const struct webhook_page *pages, size_t count, char between,
                       struct buf *out)
{
    for (size_t at = 0; at < count; at++)
        for (int topic = 0; topic < WEBHOOK_TOPIC_COUNT; topic++) {
            if (at + (size_t)topic > 0)
                buf_byte(out, between);
            line_json(&pages[at], topic, out);
        }
}

static bool all_good(const struct webhook_page *pages, size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (!webhook_page_is_good(&pages[at]))
            return false;
    return true;
}

void webhooks_report(const struct webhook_page *pages, size_t count, enum output output,
                     struct buf *out)
{
    if (output == OUTPUT_JSON) {
        buf_format(out, "{\"ok\":%s,\"subscriptions\":[",
                   all_good(pages, count) ? "true" : "false");
        lines_json(pages, count, ',', out);
        buf_text(out, "]}\n");
    } else if (output == OUTPUT_JSONL) {
        lines_json(pages, count, '\n', out);
        buf_text(out, count > 0 ? "\n" : "");
    } else {
        for (size_t at = 0; at < count; at++)
            page_text(&pages[at], out);
    }
}
