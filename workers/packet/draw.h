/*
 * A packet's page and tables, drawn from its data files and nothing else: the same data gives
 * the same bytes, so that whoever checks a packet draws it again and compares.
 */
#ifndef PARSTOCK_WORKERS_PACKET_DRAW_H
#define PARSTOCK_WORKERS_PACKET_DRAW_H

#include "common/codec/packet_rows.h"
#include "common/codec/report.h"
#include "common/domain/contract.h"
#include "common/domain/verdict.h"
#include "common/io/dir_read.h"

/* The data files. */
enum packet_source {
    PACKET_CONTRACT,
    PACKET_DECISION,
    PACKET_INCIDENTS,
    PACKET_SPOT_CHECKS,
    PACKET_WEEK,
    PACKET_SOURCE_COUNT
};

const char *packet_source_name(enum packet_source source);

#define PACKET_PAGE "packet.html"
#define PACKET_TABLES "tables.json"

struct packet_data {
    const struct dir_read
        *folder; /* of the logs, read line by line; NULL = they are empty */
    const struct contract *contract;
    struct week_inputs inputs;
    bool is_decided;
    struct week_decision decision;
    int64_t as_of_us;
    char inputs_digest[WEEK_DIGEST_MAX];           /* of the canonical bytes */
    struct dir_entry sources[PACKET_SOURCE_COUNT]; /* no name: it is not there */
};

/* Where what is drawn goes: up to one file of each slot at a time. What is in the way is the
 * canvas' own business. */
enum packet_slot { PACKET_SLOT_PAGE, PACKET_SLOT_JSON, PACKET_SLOT_TABLE, PACKET_SLOTS };

struct packet_canvas {
    struct sink (*begin)(void *self, enum packet_slot slot, const char *name);
    void (*end)(void *self, enum packet_slot slot);
    void *self;
};

/* STATUS_REJECT: a line of a log is none. */
enum status packet_draw(const struct packet_data *data,
                        const struct packet_canvas *canvas, struct error *error);

/* ---- shared by the parts of the drawing -------------------------------------------------- */

struct draw {
    const struct packet_data *data;
    const struct packet_canvas *canvas;
    struct html html;
    struct report report;
    struct error *error;
    enum status status;
};

void draw_contract(struct draw *draw);
void draw_shops(struct draw *draw);
void draw_rulebook(struct draw *draw);
void draw_dashboard(struct draw *draw);
void draw_charts(struct draw *draw);
void draw_incidents(struct draw *draw);
void draw_spot_checks(struct draw *draw);
void draw_decision(struct draw *draw);
void draw_digests(struct draw *draw);
extern const char DRAW_STYLE[];

/* A section with its heading; draw_section_end ends it. */
void draw_section(struct draw *draw, const char *id, const char *title);
void draw_section_end(struct draw *draw);
void draw_paragraph(struct draw *draw, const char *text);

/* A table in its files and on the page, and its end. */
void draw_table(struct draw *draw, const struct report_table *table);
void draw_table_end(struct draw *draw);

static inline void draw_row(struct draw *draw, const struct report_cell *cells)
{
    report_row(&draw->report, cells);
}

#define DRAW_TABLE(name, text, where_, columns_)                                         \
    {                                                                                    \
        .id = (name), .where = (where_),                                                 \
        .title = {.bytes = (text), .length = sizeof(text) - 1}, .columns = (columns_),   \
        .column_count = COUNT_OF(columns_)                                               \
    }
#define DRAW_EVERYWHERE (REPORT_ON_PAGE | REPORT_IN_FILES)

/* Empty: there is none. */
static inline struct report_cell cell_text(struct span text)
{
    return (struct report_cell){.text = text, .absent = text.length == 0};
}
static inline struct report_cell cell_words(const char *text)
{
    return cell_text(span_from(text));
}
static inline struct report_cell cell_yes(bool yes)
{
    return cell_words(yes ? "yes" : "no");
}
static inline struct report_cell cell_number(int64_t number)
{
    return (struct report_cell){.number = number};
}
/* < 0: nothing is known. */
static inline struct report_cell cell_share(int64_t millionths)
{
    return (struct report_cell){.number = millionths, .absent = millionths < 0};
}
static inline struct report_cell cell_number_if(bool present, int64_t number)
{
    return (struct report_cell){.number = number, .absent = !present};
}

/* "shop, location", or what a place without one is. */
#define DRAW_PLACE_MAX 1024
struct span draw_place(const struct kpi_place *place, char room[DRAW_PLACE_MAX]);

/* "1.25 %", "12", "4.5 s", "3 days"; "–" of a value that is not there. */
#define DRAW_VALUE_MAX 64
void draw_value(enum verdict_unit unit, int64_t value, char room[DRAW_VALUE_MAX]);

/* "Mon 23", never parted at the end of a line */
#define DRAW_DAY_MAX 24
void draw_day(int32_t day, char room[DRAW_DAY_MAX]);

/* "2026-11-23 12:00:00 UTC" */
#define DRAW_TIME_MAX 64
void draw_time(int64_t us, char room[DRAW_TIME_MAX]);

#endif
