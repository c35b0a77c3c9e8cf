#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_migrate.h"
#include "common/runtime/database.h"
#include "common/runtime/life.h"
#include "common/runtime/shop_access.h"
#include "workers/troubleshoot/troubleshoot.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SHOP_WAIT_MS 10000
#define STATEMENT_WAIT_MS 20000
#define NUMBER_MAX 24

/* ---- sections ------------------------------------------------------------------------------ */

void trouble_gap(struct trouble *trouble, const char *part, const struct error *error)
{
    if (trouble->gap_count == TROUBLE_GAPS_MAX)
        return;
    struct trouble_gap *gap = &trouble->gaps[trouble->gap_count++];
    gap->part = part;
    (void)snprintf(gap->why, sizeof gap->why, "%s", error->text);
}

struct trouble_section *trouble_section(struct trouble *trouble,
                                        const struct trouble_table *table)
{
    if (trouble->section_count == TROUBLE_SECTIONS_MAX)
        return NULL;
    struct trouble_section *section = &trouble->sections[trouble->section_count++];
    *section = (struct trouble_section){.table = table};
    while (section->column_count < TROUBLE_COLUMNS_MAX &&
           table->columns[section->column_count] != NULL)
        section->column_count++;
    return section;
}

void trouble_add(struct trouble *trouble, struct trouble_section *section,
                 const struct span *cells)
{
    struct trouble_row *row = pool_take(&trouble->pool, sizeof *row);
    if (row == NULL)
        return;
    *row = (struct trouble_row){0};
    for (size_t at = 0; at < section->column_count; at++)
        if (cells[at].bytes != NULL)
            row->cells[at] = pool_span(&trouble->pool, cells[at]);
    if (section->last != NULL)
        section->last->next = row;
    else
        section->first = row;
    section->last = row;
    section->row_count++;
}

/* ---- Postgres -------------------------------------------------------------------------------- */

struct filling {
    struct trouble *trouble;
    struct trouble_section *section;
};

static enum status take_row(void *self, const struct span *cells, size_t count,
                            struct error *error)
{
    (void)count;
    (void)error;
    const struct filling *filling = self;
    trouble_add(filling->trouble, filling->section, cells);
    return STATUS_OK;
}

/* Each table by itself: one that an older schema does not have is a gap. */
static void read_tables(struct trouble *trouble)
{
    const struct trouble_table *table = NULL;
    for (size_t at = 0; (table = store_trouble_table(at)) != NULL && !life_ending();
         at++) {
        struct error error = {0};
        struct filling filling = {trouble, trouble_section(trouble, table)};
        const struct trouble_visitor visitor = {take_row, &filling};
        if (filling.section == NULL)
            return;
        if (store_trouble_rows(trouble->postgres, at, trouble->since_us, &visitor,
                               &error) != STATUS_OK)
            trouble_gap(trouble, table->id, &error);
        if (!postgres_alive(trouble->postgres))
            return;
    }
}

static void read_facts(struct trouble *trouble)
{
    struct error error = {0};
    const struct trouble_question question = {
        .digest = trouble->contract != NULL ? span_from(trouble->contract->digest)
                                            : (struct span){0},
        .build = SPAN_OF(PARSTOCK_VERSION)};
    int64_t newest = store_migrate_newest();
    if (store_schema_version(trouble->postgres, &trouble->schema_version, &error) !=
        STATUS_OK) {
        trouble_gap(trouble, "schema", &error);
        return;
    }
    trouble->facts.schema_behind =
        newest > trouble->schema_version ? newest - trouble->schema_version : 0;
    trouble->facts.schema_ahead =
        newest < trouble->schema_version ? trouble->schema_version - newest : 0;
    if (trouble->schema_version == 0)
        return; /* an empty database has nothing more to say */
    if (store_trouble_facts(trouble->postgres, &question, &trouble->facts, &error) !=
        STATUS_OK)
        trouble_gap(trouble, "facts", &error);
}

static void gather_postgres(struct trouble *trouble)
{
    struct error error = {0};
    const struct postgres_options options =
        database_options(trouble->config, "parstock troubleshoot", STATEMENT_WAIT_MS);
    if (trouble->config->postgres == NULL)
        (void)error_set(&error, STATUS_REJECT, "PARSTOCK_POSTGRES is not set");
    else
        (void)postgres_open(&options, &trouble->postgres, &error);
    if (trouble->postgres == NULL) {
        trouble->facts.database_away = true;
        trouble_gap(trouble, "postgres", &error);
        return;
    }
    trouble->answers++;
    read_facts(trouble);
    if (trouble->schema_version > 0)
        read_tables(trouble);
}

/* ---- shops ----------------------------------------------------------------------------------- */

static const struct trouble_table SHOPS = {
    "shops", "do the shops answer?", {"shop", "mode", "api_version", "answers", "why"}};

static enum status ask_shop(const struct shop *shop, struct error *error)
{
    SCOPED(shopify_close) struct shopify *shopify = NULL;
    enum status status = shop_access_open(shop, SHOP_WAIT_MS, &shopify, error);
    return status == STATUS_OK
               ? shop_access_check(shopify, SCOPES_NEEDED & ~SCOPE_WRITE_INVENTORY, error)
               : status;
}

static void gather_shops(struct trouble *trouble)
{
    struct trouble_section *section = NULL;
    if (trouble->contract == NULL || (section = trouble_section(trouble, &SHOPS)) == NULL)
        return;
    for (size_t at = 0; at < trouble->contract->shop_count && !life_ending(); at++) {
        struct error error = {0};
        const struct shop *shop = &trouble->contract->shops[at];
        bool answers = ask_shop(shop, &error) == STATUS_OK;
        const struct span cells[] = {
            shop->name, span_from(shop->mode == LEVEL_ON_HAND ? "on_hand" : "available"),
            shop->api_version, span_from(answers ? "yes" : "no"),
            span_from(answers ? "" : error.text)};
        trouble_add(trouble, section, cells);
        trouble->answers += answers ? 1 : 0;
        trouble->facts.shops_away += answers ? 0 : 1;
        if (!answers)
            trouble_gap(trouble, "shop", &error);
    }
}

/* ---- settings ---------------------------------------------------------------------------------- */

static const struct trouble_table SETTINGS_SET = {
    "settings", "settings that are set (their values are not copied)", {"variable"}};

static void gather_settings(struct trouble *trouble)
{
    static const char PREFIX[] = "PARSTOCK_";
    struct trouble_section *section = trouble_section(trouble, &SETTINGS_SET);
    for (char **entry = environ; section != NULL && *entry != NULL; entry++) {
        const struct span name = {*entry, strcspn(*entry, "=")};
        if (strncmp(*entry, PREFIX, sizeof PREFIX - 1) == 0 &&
            section->row_count < TROUBLE_ROWS_MAX)
            trouble_add(trouble, section, &name);
    }
}

void trouble_gather(struct trouble *trouble)
{
    trouble->facts.now_us = trouble->now_us;
    trouble->facts.since_us = trouble->since_us;
    gather_postgres(trouble);
    trouble_kafka(trouble);
    gather_shops(trouble);
    gather_settings(trouble);
    postgres_close(&trouble->postgres);
    trouble->suspects = suspects_rank(&trouble->facts);
}
