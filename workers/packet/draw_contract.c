/*
 * The sync contract as the loaded contract file says it, sources and SKUs: what workers go
 * by, not what somebody wrote about it.
 */
#include "workers/packet/draw.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdio.h>

#define LIST_MAX ((size_t)4 * 1024 * 1024)

static const char *state_name(enum level_state state)
{
    return state == LEVEL_AVAILABLE ? "available" : "on_hand";
}

/* ---- sources and locations ----------------------------------------------------------------- */

static void say_locations(const struct contract *contract, const struct source *source,
                          struct buf *out)
{
    buf_clear(out);
    if (source->speaks == NULL)
        buf_text(out, "all");
    for (size_t at = 0; source->speaks != NULL && at < contract->location_count; at++) {
        if (source->speaks[at] == 0)
            continue;
        buf_text(out, out->length > 0 ? ", " : "");
        buf_span(out, contract->locations[at].code);
    }
}

/* The next better source after the ranks already told; -1 = no more. */
static int next_source(const struct contract *contract, int before)
{
    int best = -1;
    for (size_t at = 0; at < contract->source_count; at++) {
        int64_t rank = contract->sources[at].rank;
        bool is_left = before < 0 || rank > contract->sources[before].rank;
        if (is_left && (best < 0 || rank < contract->sources[best].rank))
            best = (int)at;
    }
    return best;
}

static void draw_sources(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"source", "Source", REPORT_TEXT},
        {"rank", "Rank", REPORT_NUMBER},
        {"state", "Counts", REPORT_WORD},
        {"locations", "Speaks for", REPORT_TEXT},
        {"max_age_seconds", "Stale after, s", REPORT_NUMBER},
        {"order_lag_seconds", "Sees orders after, s", REPORT_NUMBER},
        {"why", "Why", REPORT_TEXT},
    };
    static const struct report_table TABLE =
        DRAW_TABLE("sources", "Hierarchy of sources: the first that has a reading rules",
                   DRAW_EVERYWHERE, COLUMNS);
    const struct contract *contract = draw->data->contract;
    SCOPED(buf_free) struct buf locations;
    buf_init(&locations, LIST_MAX);
    draw_table(draw, &TABLE);
    for (int at = next_source(contract, -1); at >= 0; at = next_source(contract, at)) {
        const struct source *source = &contract->sources[at];
        say_locations(contract, source, &locations);
        draw_row(draw,
                 (const struct report_cell[]){
                     cell_text(source->name), cell_number(source->rank),
                     cell_words(state_name(source->state)),
                     cell_text(buf_view(&locations)),
                     cell_number_if(source->max_age_seconds > 0, source->max_age_seconds),
                     cell_number(source->order_lag_seconds), cell_text(source->why)});
    }
    draw_table_end(draw);
}

static void draw_locations(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"location", "Location", REPORT_TEXT}, {"aliases", "Also called", REPORT_TEXT}};
    static const struct report_table TABLE =
        DRAW_TABLE("locations", "Locations", DRAW_EVERYWHERE, COLUMNS);
    const struct contract *contract = draw->data->contract;
    SCOPED(buf_free) struct buf names;
    buf_init(&names, LIST_MAX);
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < contract->location_count; at++) {
        struct span code = contract->locations[at].code;
        buf_clear(&names);
        for (size_t each = 0; each < contract->name_count; each++) {
            const struct location_name *name = &contract->names[each];
            if (name->location != (int)at || span_equal(name->name, code))
                continue;
            buf_text(&names, names.length > 0 ? ", " : "");
            buf_span(&names, name->name);
        }
        draw_row(draw, (const struct report_cell[]){cell_text(code),
                                                    cell_text(buf_view(&names))});
    }
    draw_table_end(draw);
}

/* ---- SKUs ------------------------------------------------------------------------------------- */

static void draw_normalisation(struct draw *draw)
{
    static const struct {
        unsigned step;
        const char *name;
        const char *what;
    } STEPS[] = {
        {SKU_NFKC, "nfkc", "Unicode form NFKC: one spelling of what is the same"},
        {SKU_DROP_IGNORABLE, "drop_ignorable",
         "format characters and what is not seen are dropped"},
        {SKU_DASHES, "dashes", "every dash, and the minus sign, becomes -"},
        {SKU_TRIM, "trim", "white space at both ends is dropped"},
        {SKU_COLLAPSE_SPACES, "collapse_spaces", "white space inside becomes one space"},
        {SKU_FOLD_CASE, "fold_case", "full case folding, then upper case"},
    };
    static const struct report_column COLUMNS[] = {{"step", "Step", REPORT_WORD},
                                                   {"applied", "Applied", REPORT_WORD},
                                                   {"what", "What it does", REPORT_WORD}};
    static const struct report_table TABLE = DRAW_TABLE(
        "normalisation",
        "SKU normalisation: again and again until nothing changes; control characters are "
        "refused",
        DRAW_EVERYWHERE, COLUMNS);
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < COUNT_OF(STEPS); at++)
        draw_row(draw,
                 (const struct report_cell[]){
                     cell_words(STEPS[at].name),
                     cell_yes((draw->data->contract->sku_steps & STEPS[at].step) != 0),
                     cell_words(STEPS[at].what)});
    draw_table_end(draw);
}

static void draw_keys(struct draw *draw)
{
    static const struct {
        const char *key;
        const char *what;
        const char *why;
    } KEYS[] = {
        {"record key", "the normalised SKU",
         "all events of a SKU lie on one partition, so they have one order"},
        {"idempotency key",
         "SHA-256 over source, SKU and the event's id, or over the whole event where it "
         "has none",
         "a retry is known again and changes nothing"},
        {"fingerprint", "SHA-256 over the event's content",
         "an id that is used again for other content is refused, never merged"},
        {"level", "SKU and location", "one ruling number each"},
        {"shop level", "shop, item and location",
         "one write in flight each, compare-and-set, with a key stored before it is sent"},
    };
    static const struct report_column COLUMNS[] = {{"key", "Key", REPORT_WORD},
                                                   {"what", "Made of", REPORT_WORD},
                                                   {"why", "Why", REPORT_WORD}};
    static const struct report_table TABLE =
        DRAW_TABLE("keys", "Keys", DRAW_EVERYWHERE, COLUMNS);
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < COUNT_OF(KEYS); at++)
        draw_row(draw, (const struct report_cell[]){cell_words(KEYS[at].key),
                                                    cell_words(KEYS[at].what),
                                                    cell_words(KEYS[at].why)});
    draw_table_end(draw);
}

static void draw_kits(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"kit", "Kit", REPORT_CODE},
        {"component", "Component", REPORT_CODE},
        {"quantity", "Units in one kit", REPORT_NUMBER},
        {"why", "Why", REPORT_TEXT}};
    static const struct report_table TABLE = DRAW_TABLE(
        "kits", "Kits: as many as their components make", DRAW_EVERYWHERE, COLUMNS);
    const struct contract *contract = draw->data->contract;
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < contract->kit_count; at++) {
        const struct kit *kit = &contract->kits[at];
        for (size_t part = 0; part < kit->part_count; part++)
            draw_row(draw,
                     (const struct report_cell[]){
                         cell_text(kit->sku), cell_text(kit->parts[part].sku),
                         cell_number(kit->parts[part].quantity), cell_text(kit->why)});
    }
    draw_table_end(draw);
}

/* ---- the section ---------------------------------------------------------------------------------- */

void draw_contract(struct draw *draw)
{
    const struct contract *contract = draw->data->contract;
    html_open(&draw->html, HTML_TAG_P);
    html_text(&draw->html, SPAN_OF("Contract file, version "));
    html_outside(&draw->html, contract->version);
    html_text(&draw->html, SPAN_OF(", SHA-256 "));
    html_open(&draw->html, HTML_TAG_CODE);
    html_text(&draw->html, span_from(contract->digest));
    html_close(&draw->html, HTML_TAG_CODE);
    html_text(&draw->html, SPAN_OF(". All of it is in contract.json."));
    html_close(&draw->html, HTML_TAG_P);
    draw_sources(draw);
    draw_locations(draw);
    draw_normalisation(draw);
    draw_keys(draw);
    draw_kits(draw);
    draw_shops(draw);
}
