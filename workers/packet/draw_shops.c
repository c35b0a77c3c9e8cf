/*
 * The sync contract, shops: what they show, what is held back, what is left out.
 */
#include "workers/packet/draw.h"

#include "common/base/check.h"

static void draw_shop_rows(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"shop", "Shop", REPORT_TEXT},
        {"endpoint", "Address", REPORT_TEXT},
        {"api_version", "API", REPORT_TEXT},
        {"mode", "Writes", REPORT_WORD},
        {"reason", "Reason given", REPORT_TEXT},
        {"activate_missing", "Activates missing", REPORT_WORD},
        {"why", "Why", REPORT_TEXT}};
    static const struct report_table TABLE =
        DRAW_TABLE("shops", "Shops", DRAW_EVERYWHERE, COLUMNS);
    const struct contract *contract = draw->data->contract;
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < contract->shop_count; at++) {
        const struct shop *shop = &contract->shops[at];
        bool is_available = shop->mode == LEVEL_AVAILABLE;
        draw_row(draw, (const struct report_cell[]){
                           cell_text(shop->name), cell_text(shop->endpoint),
                           cell_text(shop->api_version),
                           cell_words(is_available ? "available" : "on_hand"),
                           cell_text(shop->reason), cell_yes(shop->activates),
                           cell_text(shop->why)});
    }
    draw_table_end(draw);
}

static void draw_buffers(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"shop", "Shop", REPORT_TEXT},
        {"fixed", "Fixed units", REPORT_NUMBER},
        {"percent", "Percent of the level", REPORT_NUMBER},
        {"min", "At least", REPORT_NUMBER},
        {"max", "At most", REPORT_NUMBER}};
    static const struct report_table TABLE = DRAW_TABLE(
        "buffers", "Buffers: units that a shop does not show", DRAW_EVERYWHERE, COLUMNS);
    const struct contract *contract = draw->data->contract;
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < contract->shop_count; at++) {
        const struct buffer_rule *buffer = &contract->shops[at].buffer;
        draw_row(draw,
                 (const struct report_cell[]){
                     cell_text(contract->shops[at].name), cell_number(buffer->fixed),
                     cell_number(buffer->percent), cell_number(buffer->min),
                     cell_number_if(buffer->max >= 0, buffer->max)});
    }
    draw_table_end(draw);
}

static void draw_shop_locations(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"shop", "Shop", REPORT_TEXT},
        {"location", "Location", REPORT_TEXT},
        {"shop_location", "In the shop", REPORT_CODE}};
    static const struct report_table TABLE = DRAW_TABLE(
        "shop-locations", "Locations that a shop sells from", DRAW_EVERYWHERE, COLUMNS);
    const struct contract *contract = draw->data->contract;
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < contract->shop_count; at++)
        for (size_t place = 0; place < contract->location_count; place++)
            if (contract->shops[at].gids[place].bytes != NULL)
                draw_row(draw, (const struct report_cell[]){
                                   cell_text(contract->shops[at].name),
                                   cell_text(contract->locations[place].code),
                                   cell_text(contract->shops[at].gids[place])});
    draw_table_end(draw);
}

static void draw_exclusions(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {{"shop", "Shop", REPORT_TEXT},
                                                   {"sku", "SKU", REPORT_CODE}};
    static const struct report_table TABLE =
        DRAW_TABLE("exclusions", "Exclusions: SKUs that are never written",
                   DRAW_EVERYWHERE, COLUMNS);
    const struct contract *contract = draw->data->contract;
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < contract->shop_count; at++)
        for (size_t sku = 0; sku < contract->shops[at].excluded_count; sku++)
            draw_row(draw, (const struct report_cell[]){
                               cell_text(contract->shops[at].name),
                               cell_text(contract->shops[at].excluded[sku])});
    draw_table_end(draw);
}

static void draw_risk(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"by", "High-risk by", REPORT_WORD},
        {"is", "Is", REPORT_CODE},
        {"micros", "Value in millionths", REPORT_NUMBER}};
    static const struct report_table TABLE =
        DRAW_TABLE("risk", "High risk: a person looks before a machine writes",
                   DRAW_EVERYWHERE, COLUMNS);
    const struct risk_rules *risk = &draw->data->contract->risk;
    const struct report_cell none = {.absent = true};
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < risk->tag_count; at++)
        draw_row(draw, (const struct report_cell[]){cell_words("tag"),
                                                    cell_text(risk->tags[at]), none});
    for (size_t at = 0; at < risk->sku_count; at++)
        draw_row(draw, (const struct report_cell[]){cell_words("SKU"),
                                                    cell_text(risk->skus[at]), none});
    if (risk->has_threshold)
        draw_row(draw,
                 (const struct report_cell[]){cell_words("value of the difference"), none,
                                              cell_number(risk->threshold_micros)});
    draw_table_end(draw);
}

static void draw_settings(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {{"setting", "Setting", REPORT_WORD},
                                                   {"value", "Value", REPORT_NUMBER},
                                                   {"unit", "Unit", REPORT_WORD}};
    static const struct report_table TABLE =
        DRAW_TABLE("settings", "Comparison and retention", DRAW_EVERYWHERE, COLUMNS);
    const struct contract *contract = draw->data->contract;
    const struct {
        const char *name;
        int64_t value;
        const char *unit;
    } SETTINGS[] = {
        {"everything is compared every", contract->drift_interval_seconds, "s"},
        {"pairs at risk are compared every", contract->drift_hot_seconds, "s"},
        {"a difference counts once it stayed for", contract->drift_settle_seconds, "s"},
        {"events are known again for", contract->idempotency_days, "days"},
    };
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < COUNT_OF(SETTINGS); at++)
        draw_row(draw, (const struct report_cell[]){cell_words(SETTINGS[at].name),
                                                    cell_number(SETTINGS[at].value),
                                                    cell_words(SETTINGS[at].unit)});
    draw_table_end(draw);
}

void draw_shops(struct draw *draw)
{
    draw_shop_rows(draw);
    draw_shop_locations(draw);
    draw_buffers(draw);
    draw_exclusions(draw);
    draw_risk(draw);
    draw_settings(draw);
}
