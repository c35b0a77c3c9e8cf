#include "common/io/store_promote.h"

#include "common/base/scope.h"

#include <stdio.h>

static const struct statement NAME = {
    "promote_name",
    "SELECT 'former_' || coalesce(max(id), 0) + 1 FROM replay_promotions"};
static const struct statement PAGES = {"promote_pages", "SELECT replay_keep_pages($1)"};
static const struct statement HOLD = {
    "promote_hold",
    "SELECT partition FROM progress WHERE topic = $1 ORDER BY partition FOR UPDATE"};
static const struct statement KEEP = {"promote_keep", "SELECT replay_keep($1, $2, $3)"};
static const struct statement SWAP = {
    "promote_swap", "SELECT changed, pairs FROM replay_swap($1, $2, $3)"};
static const struct statement NOTE = {"promote_note", "SELECT replay_note($1, $2, $3)"};
static const struct statement NEWEST = {"promote_newest",
                                        "SELECT max(id) FROM replay_promotions"};

struct words {
    struct span one;
    struct span two;
    struct span three;
};

/* As many parameters as there are words. */
static enum status ask(struct postgres *live, const struct statement *statement,
                       const struct words *words, struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    const struct span all[] = {words->one, words->two, words->three};
    pg_params_init(&params);
    for (size_t at = 0; at < 3 && all[at].bytes != NULL; at++)
        pg_params_text(&params, all[at]);
    return postgres_query(live, statement, &params, rows, error);
}

enum status store_promote_name(struct postgres *live, char name_out[PROMOTE_FORMER_MAX],
                               struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = ask(live, &NAME, &(struct words){0}, &rows, error);
    if (status == STATUS_OK)
        (void)snprintf(name_out, PROMOTE_FORMER_MAX, "%.*s",
                       SPAN_ARGS(rows_span(&rows, 0, 0)));
    return status;
}

enum status store_promote_pages(struct postgres *live, struct span former_schema,
                                struct error *error)
{
    return ask(live, &PAGES, &(struct words){.one = former_schema}, NULL, error);
}

enum status store_promote_begin(struct postgres *live, struct span topic,
                                struct error *error)
{
    enum status status =
        postgres_script(live, "BEGIN; SET LOCAL lock_timeout = '20s'", error);
    if (status == STATUS_OK)
        status = ask(live, &HOLD, &(struct words){.one = topic}, NULL, error);
    if (status == STATUS_OK) /* a partition that nobody had yet cannot be begun either */
        status = postgres_script(live, "LOCK TABLE progress IN SHARE ROW EXCLUSIVE MODE",
                                 error);
    return status;
}

static enum status swap(struct postgres *live, struct promotion *promotion,
                        struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    const struct words words = {promotion->shadow_schema, promotion->topic,
                                promotion->actor};
    enum status status = ask(live, &SWAP, &words, &rows, error);
    promotion->levels = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    promotion->pairs = status == STATUS_OK ? rows_int(&rows, 0, 1) : 0;
    return status;
}

static enum status note(struct postgres *live, struct promotion *promotion,
                        struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    const struct words words = {promotion->former, promotion->former_schema,
                                promotion->shadow_schema};
    enum status status = ask(live, &NOTE, &words, NULL, error);
    if (status == STATUS_OK)
        status = ask(live, &NEWEST, &(struct words){0}, &rows, error);
    promotion->id = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}

enum status store_promote_commit(struct postgres *live, struct promotion *promotion,
                                 struct error *error)
{
    const struct words words = {promotion->former_schema, promotion->shadow_schema,
                                promotion->topic};
    enum status status = ask(live, &KEEP, &words, NULL, error);
    if (status == STATUS_OK)
        status = swap(live, promotion, error);
    if (status == STATUS_OK)
        status = note(live, promotion, error);
    return status == STATUS_OK ? postgres_script(live, "COMMIT", error) : status;
}
