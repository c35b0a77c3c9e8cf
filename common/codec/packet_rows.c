#include "common/codec/packet_rows.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_shape.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"

#include <stddef.h>

/* ---- one table a kind of row: what encodes and decodes it ----------------------------------- */

enum field_kind {
    FIELD_TEXT,   /* must be there */
    FIELD_MAYBE,  /* a text or null */
    FIELD_NUMBER, /* an integer */
    FIELD_LEVEL,  /* an integer or null: the bool `has` says which */
    FIELD_TIME,
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    size_t has;
};

#define INCIDENT(member) offsetof(struct packet_incident, member)
static const struct field INCIDENT_FIELDS[] = {
    {"incident_id", FIELD_TEXT, INCIDENT(id), 0},
    {"revision", FIELD_NUMBER, INCIDENT(revision), 0},
    {"at", FIELD_TIME, INCIDENT(at_us), 0},
    {"state", FIELD_TEXT, INCIDENT(state), 0},
    {"class", FIELD_TEXT, INCIDENT(class), 0},
    {"cause", FIELD_TEXT, INCIDENT(cause), 0},
    {"severity", FIELD_TEXT, INCIDENT(severity), 0},
    {"shop", FIELD_MAYBE, INCIDENT(shop), 0},
    {"sku", FIELD_MAYBE, INCIDENT(sku), 0},
    {"location", FIELD_MAYBE, INCIDENT(location), 0},
    {"occurrences", FIELD_NUMBER, INCIDENT(occurrences), 0},
    {"root_cause", FIELD_MAYBE, INCIDENT(root_cause), 0},
    {"remediation", FIELD_MAYBE, INCIDENT(remediation), 0},
    {"handoff", FIELD_TEXT, INCIDENT(handoff), 0},
    {"runbook_url", FIELD_MAYBE, INCIDENT(runbook_url), 0},
    {"opened_at", FIELD_TIME, INCIDENT(opened_at_us), 0},
    {"actor", FIELD_TEXT, INCIDENT(actor), 0},
    {"note", FIELD_TEXT, INCIDENT(note), 0},
};

#define SPOT(member) offsetof(struct packet_spot_check, member)
static const struct field SPOT_FIELDS[] = {
    {"id", FIELD_NUMBER, SPOT(id), 0},
    {"sku", FIELD_TEXT, SPOT(sku), 0},
    {"location", FIELD_TEXT, SPOT(location), 0},
    {"counted", FIELD_NUMBER, SPOT(counted), 0},
    {"books", FIELD_LEVEL, SPOT(books), SPOT(has_books)},
    {"source", FIELD_TEXT, SPOT(source), 0},
    {"verdict", FIELD_TEXT, SPOT(verdict), 0},
    {"actor", FIELD_TEXT, SPOT(actor), 0},
    {"counted_at", FIELD_TIME, SPOT(counted_at_us), 0},
    {"at", FIELD_TIME, SPOT(at_us), 0},
    {"event_id", FIELD_TEXT, SPOT(event_id), 0},
    {"note", FIELD_TEXT, SPOT(note), 0},
};

/* offsetof keeps the alignment of what lies there. */
static void *slot_of(void *row, size_t offset)
{
    return (char *)row + offset;
}

/* ---- out --------------------------------------------------------------------------------------- */

static void encode_field(const struct field *field, const void *row, struct buf *out)
{
    const char *at = (const char *)row + field->offset;
    struct span text;
    int64_t number;
    bool has = true;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_MAYBE:
        memcpy(&text, at, sizeof text);
        json_member_text_lossy(out, field->name, text);
        return;
    case FIELD_LEVEL:
        memcpy(&has, (const char *)row + field->has, sizeof has);
        memcpy(&number, at, sizeof number);
        json_member_number_or_null(out, field->name, has, number);
        return;
    case FIELD_NUMBER:
        memcpy(&number, at, sizeof number);
        json_member_number(out, field->name, number);
        return;
    case FIELD_TIME:
        memcpy(&number, at, sizeof number);
        json_member_time(out, field->name, number);
        return;
    }
}

void packet_incident_encode(const struct packet_incident *incident, struct buf *out)
{
    size_t before = out->length;
    buf_byte(out, '{');
    for (size_t at = 0; at < COUNT_OF(INCIDENT_FIELDS); at++)
        encode_field(&INCIDENT_FIELDS[at], incident, out);
    json_name(out, "evidence");
    size_t length = out->length - before + incident->evidence.length + 2;
    if (incident->evidence.bytes != NULL && length <= PACKET_LINE_MAX)
        buf_span(out, incident->evidence);
    else
        buf_text(out, "null");
    buf_text(out, "}\n");
}

void packet_spot_check_encode(const struct packet_spot_check *check, struct buf *out)
{
    buf_byte(out, '{');
    for (size_t at = 0; at < COUNT_OF(SPOT_FIELDS); at++)
        encode_field(&SPOT_FIELDS[at], check, out);
    buf_text(out, "}\n");
}

/* ---- in ---------------------------------------------------------------------------------------- */

struct reading {
    json_t *root;
    struct pool *pool;
    struct error *error;
};

static enum status wrong(const struct reading *reading, const char *name)
{
    return error_set(reading->error, STATUS_REJECT, "/%s is missing or wrong", name);
}

static enum status decode_text(const struct reading *reading, const struct field *field,
                               void *row)
{
    const json_t *value = json_object_get(reading->root, field->name);
    struct span text = json_span(value);
    if (text.bytes == NULL && (field->kind == FIELD_TEXT || !json_is_null(value)))
        return wrong(reading, field->name);
    if (text.bytes != NULL) {
        text = pool_span(reading->pool, text);
        if (text.bytes == NULL)
            return error_set(reading->error, STATUS_RETRY, "out of memory");
    }
    *(struct span *)slot_of(row, field->offset) = text;
    return STATUS_OK;
}

static enum status decode_number(const struct reading *reading, const struct field *field,
                                 void *row)
{
    const json_t *value = json_object_get(reading->root, field->name);
    int64_t number = json_integer_value(value);
    bool has = json_is_integer(value);
    if (field->kind == FIELD_TIME)
        has = rfc3339_parse(json_span(value), &number);
    if (!has && (field->kind != FIELD_LEVEL || !json_is_null(value)))
        return wrong(reading, field->name);
    *(int64_t *)slot_of(row, field->offset) = number;
    if (field->kind == FIELD_LEVEL)
        *(bool *)slot_of(row, field->has) = has;
    return STATUS_OK;
}

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

static enum status check_size(const struct reading *reading, size_t members)
{
    if (json_object_size(reading->root) == members)
        return STATUS_OK;
    return error_set(reading->error, STATUS_REJECT,
                     "a member is missing or one too many");
}

static enum status decode_fields(const struct reading *reading,
                                 const struct field *fields, size_t count, void *row)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at++) {
        bool is_text = fields[at].kind == FIELD_TEXT || fields[at].kind == FIELD_MAYBE;
        status = is_text ? decode_text(reading, &fields[at], row)
                         : decode_number(reading, &fields[at], row);
    }
    return status;
}

static enum status parse(struct span line, json_t **root_out, struct error *error)
{
    json_error_t fault;
    if (line.bytes == NULL || line.length > PACKET_LINE_MAX)
        return error_set(error, STATUS_REJECT, "empty or too long");
    *root_out = json_loadb(line.bytes, line.length, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(*root_out))
        return error_set(error, STATUS_REJECT, "is no JSON object");
    return STATUS_OK;
}

enum status packet_incident_decode(struct span line, struct pool *pool,
                                   struct packet_incident *out, struct error *error)
{
    SCOPED(release_json) json_t *root = NULL;
    struct packet_incident row = {0};
    enum status status = parse(line, &root, error);
    const struct reading reading = {root, pool, error};
    if (status == STATUS_OK)
        status = check_size(&reading, COUNT_OF(INCIDENT_FIELDS) + 1);
    if (status == STATUS_OK)
        status =
            decode_fields(&reading, INCIDENT_FIELDS, COUNT_OF(INCIDENT_FIELDS), &row);
    if (status != STATUS_OK)
        return status;
    const json_t *evidence = json_object_get(root, "evidence");
    if (!json_is_object(evidence) && !json_is_null(evidence))
        return wrong(&reading, "evidence");
    *out = row;
    return STATUS_OK;
}

enum status packet_spot_check_decode(struct span line, struct pool *pool,
                                     struct packet_spot_check *out, struct error *error)
{
    SCOPED(release_json) json_t *root = NULL;
    struct packet_spot_check row = {0};
    enum status status = parse(line, &root, error);
    const struct reading reading = {root, pool, error};
    if (status == STATUS_OK)
        status = check_size(&reading, COUNT_OF(SPOT_FIELDS));
    if (status == STATUS_OK)
        status = decode_fields(&reading, SPOT_FIELDS, COUNT_OF(SPOT_FIELDS), &row);
    if (status == STATUS_OK)
        *out = row;
    return status;
}
