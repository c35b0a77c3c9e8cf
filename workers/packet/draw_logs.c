/*
 * The incident log of the week and its spot checks, read line by line from their files.
 */
#include "workers/packet/draw.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/domain/incident_life.h"

#include <stdio.h>

#define ROW_BYTES_MAX (4 * PACKET_LINE_MAX)

/* ---- what both share ------------------------------------------------------------------------ */

struct log {
    struct draw *draw;
    struct pool pool;
    enum packet_source source;
    int64_t line;
    void (*row)(struct log *log, const void *row);
    enum status (*decode)(struct log *log, struct span line, void *room,
                          struct error *error);
    void *counts;
};

static enum status take_line(void *self, struct span line, struct error *error)
{
    struct log *log = self;
    union {
        struct packet_incident incident;
        struct packet_spot_check check;
    } row;
    struct error found = {0};
    log->line++;
    pool_reset(&log->pool);
    enum status status = log->decode(log, line, &row, &found);
    if (status == STATUS_OK) {
        log->row(log, &row);
        return STATUS_OK;
    }
    (void)error_set(error, status, "%s: line %lld: %.300s",
                    packet_source_name(log->source), (long long)log->line, found.text);
    return error_exit(error, EXIT_DATA);
}

static void read_log(struct log *log)
{
    struct draw *draw = log->draw;
    const struct dir_line_visitor visitor = {.each = take_line, .self = log};
    struct error found = {0};
    if (draw->data->folder == NULL)
        return;
    pool_init(&log->pool, ROW_BYTES_MAX);
    enum status status =
        dir_read_lines(draw->data->folder, packet_source_name(log->source),
                       PACKET_LINE_MAX + 1, &visitor, &found);
    pool_free(&log->pool);
    if (status == STATUS_OK || draw->status != STATUS_OK)
        return;
    *draw->error = found;
    draw->status = status;
}

/* ---- incidents -------------------------------------------------------------------------------- */

/* Changes of a class of incidents in the week; the last row takes classes that this version
 * does not know. */
struct class_counts {
    int64_t states[INCIDENT_STATE_COUNT];
};
struct incident_counts {
    struct class_counts classes[INCIDENT_CLASS_COUNT + 1];
};

static size_t class_of(struct span class)
{
    for (size_t at = 0; at < INCIDENT_CLASS_COUNT; at++)
        if (span_is(class, incident_kind((enum incident_class)at)->id))
            return at;
    return INCIDENT_CLASS_COUNT;
}

static enum status decode_incident(struct log *log, struct span line, void *room,
                                   struct error *error)
{
    return packet_incident_decode(line, &log->pool, room, error);
}

static void incident_row(struct log *log, const void *row)
{
    const struct packet_incident *incident = row;
    struct incident_counts *counts = log->counts;
    enum incident_state state;
    if (incident_state_parse(incident->state, &state))
        counts->classes[class_of(incident->class)].states[state]++;
    draw_row(log->draw, (const struct report_cell[]){{.number = incident->at_us},
                                                     cell_text(incident->state),
                                                     cell_text(incident->severity),
                                                     cell_text(incident->class),
                                                     cell_text(incident->cause),
                                                     cell_text(incident->shop),
                                                     cell_text(incident->sku),
                                                     cell_text(incident->location),
                                                     cell_number(incident->occurrences),
                                                     cell_text(incident->root_cause),
                                                     cell_text(incident->remediation),
                                                     cell_text(incident->actor),
                                                     cell_text(incident->note),
                                                     cell_text(incident->id)});
}

static void draw_incident_sums(struct draw *draw, const struct incident_counts *counts)
{
    static const struct report_column COLUMNS[] = {
        {"class", "Incident", REPORT_CODE},
        {"opened", "Opened", REPORT_NUMBER},
        {"reopened", "Reopened", REPORT_NUMBER},
        {"acknowledged", "Acknowledged", REPORT_NUMBER},
        {"resolved", "Resolved", REPORT_NUMBER},
        {"updated", "Updated", REPORT_NUMBER}};
    static const struct report_table TABLE = DRAW_TABLE(
        "incident-sums", "Changes of incidents in the week", DRAW_EVERYWHERE, COLUMNS);
    draw_table(draw, &TABLE);
    for (size_t at = 0; at <= INCIDENT_CLASS_COUNT; at++) {
        const int64_t *states = counts->classes[at].states;
        int64_t sum = 0;
        for (size_t state = 0; state < INCIDENT_STATE_COUNT; state++)
            sum += states[state];
        if (sum == 0)
            continue;
        draw_row(draw, (const struct report_cell[]){
                           cell_words(at < INCIDENT_CLASS_COUNT
                                          ? incident_kind((enum incident_class)at)->id
                                          : "another"),
                           cell_number(states[INCIDENT_OPENED]),
                           cell_number(states[INCIDENT_REOPENED]),
                           cell_number(states[INCIDENT_ACKNOWLEDGED]),
                           cell_number(states[INCIDENT_RESOLVED]),
                           cell_number(states[INCIDENT_UPDATED])});
    }
    draw_table_end(draw);
}

void draw_incidents(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"at", "At, UTC", REPORT_TIME},
        {"state", "Became", REPORT_WORD},
        {"severity", "Severity", REPORT_WORD},
        {"class", "Incident", REPORT_TEXT},
        {"cause", "Cause", REPORT_TEXT},
        {"shop", "Shop", REPORT_TEXT},
        {"sku", "SKU", REPORT_CODE},
        {"location", "Location", REPORT_TEXT},
        {"occurrences", "Seen", REPORT_NUMBER},
        {"root_cause", "Root cause", REPORT_TEXT},
        {"remediation", "Remedy", REPORT_TEXT},
        {"actor", "By", REPORT_TEXT},
        {"note", "Note", REPORT_TEXT},
        {"incident_id", "Id", REPORT_CODE}};
    static const struct report_table TABLE = DRAW_TABLE(
        "incident-log", "What happened to incidents, in order", DRAW_EVERYWHERE, COLUMNS);
    struct incident_counts counts = {0};
    struct log log = {.draw = draw,
                      .source = PACKET_INCIDENTS,
                      .row = incident_row,
                      .decode = decode_incident,
                      .counts = &counts};
    draw_table(draw, &TABLE);
    read_log(&log);
    draw_table_end(draw);
    draw_incident_sums(draw, &counts);
}

/* ---- spot checks ------------------------------------------------------------------------------- */

static enum status decode_check(struct log *log, struct span line, void *room,
                                struct error *error)
{
    return packet_spot_check_decode(line, &log->pool, room, error);
}

static void check_row(struct log *log, const void *row)
{
    const struct packet_spot_check *check = row;
    draw_row(log->draw,
             (const struct report_cell[]){cell_text(check->sku),
                                          cell_text(check->location),
                                          {.number = check->counted_at_us},
                                          cell_number(check->counted),
                                          cell_number_if(check->has_books, check->books),
                                          cell_text(check->source),
                                          cell_text(check->verdict),
                                          cell_text(check->actor),
                                          cell_text(check->note),
                                          cell_text(check->event_id)});
}

void draw_spot_checks(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"sku", "SKU", REPORT_CODE},
        {"location", "Location", REPORT_TEXT},
        {"counted_at", "Counted at, UTC", REPORT_TIME},
        {"counted", "Counted", REPORT_NUMBER},
        {"books", "The books said", REPORT_NUMBER},
        {"source", "By source", REPORT_TEXT},
        {"verdict", "So", REPORT_WORD},
        {"actor", "By", REPORT_TEXT},
        {"note", "Note", REPORT_TEXT},
        {"event_id", "Became event", REPORT_CODE}};
    static const struct report_table TABLE = DRAW_TABLE(
        "spot-check-log", "Shelves that were counted and written down in the week",
        DRAW_EVERYWHERE, COLUMNS);
    struct log log = {.draw = draw,
                      .source = PACKET_SPOT_CHECKS,
                      .row = check_row,
                      .decode = decode_check};
    draw_table(draw, &TABLE);
    read_log(&log);
    draw_table_end(draw);
}
