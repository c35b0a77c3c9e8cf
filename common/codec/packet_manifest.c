#include "common/codec/packet_manifest.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/digest.h"
#include "common/codec/json_shape.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"

#define TEXT_MAX ((size_t)1024 * 1024)
#define HEX_DIGITS DIGEST_HEX
#define COUNT_MOST INT64_C(9007199254740991) /* exact in any JSON reader */

/* ---- out: a line a file, for people who compare two --------------------------------------- */

static void add_file(struct buf *out, const struct packet_file *file)
{
    buf_byte(out, '{');
    json_member_text(out, "name", file->name);
    json_member_number(out, "bytes", file->bytes);
    json_member_text(out, "sha256", file->sha256);
    buf_byte(out, '}');
}

void packet_manifest_encode(const struct packet_manifest *manifest, struct buf *out)
{
    buf_byte(out, '{');
    json_member_number(out, "format", manifest->format);
    json_member_text(out, "drawing", manifest->drawing);
    json_member_text(out, "week", manifest->week);
    json_member_time(out, "as_of", manifest->as_of_us);
    json_member_text(out, "verdict", manifest->verdict);
    json_member_text(out, "rule", manifest->rule);
    json_member_text(out, "inputs", manifest->inputs);
    json_member_text(out, "decision", manifest->decision);
    json_member_text(out, "contract", manifest->contract);
    json_name(out, "files");
    buf_byte(out, '[');
    for (size_t at = 0; at < manifest->file_count; at++) {
        buf_text(out, at > 0 ? ",\n" : "\n");
        add_file(out, &manifest->files[at]);
    }
    buf_text(out, "\n]}\n");
}

/* ---- in ------------------------------------------------------------------------------------- */

static bool is_time(struct span text)
{
    int64_t us;
    return rfc3339_parse(text, &us);
}

#define TEXT_OF(from, to) .kind = SHAPE_TEXT, .least = (from), .most = (to)
#define INTEGER_OF(from, to) .kind = SHAPE_INTEGER, .least = (from), .most = (to)
#define OBJECT_OF(table)                                                                 \
    .kind = SHAPE_OBJECT, .members = (table), .member_count = COUNT_OF(table)

static const struct shape FORMAT = {INTEGER_OF(1, COUNT_MOST)};
static const struct shape BYTES = {INTEGER_OF(0, COUNT_MOST)};
static const struct shape NAME = {TEXT_OF(1, PACKET_NAME_MAX - 1)};
static const struct shape WORD = {TEXT_OF(1, 200)};
static const struct shape TIME = {TEXT_OF(20, 35), .fits = is_time,
                                  .must_be = "a time as in RFC 3339"};
static const struct shape DIGEST = {
    TEXT_OF(HEX_DIGITS, HEX_DIGITS), .fits = digest_is_hex,
    .must_be = "a SHA-256 digest of 64 lower-case hex digits"};
static const struct shape_member FILE_MEMBERS[] = {
    {"name", &NAME, true}, {"bytes", &BYTES, true}, {"sha256", &DIGEST, true}};
static const struct shape FILE_SHAPE = {OBJECT_OF(FILE_MEMBERS)};
static const struct shape FILES = {
    .kind = SHAPE_LIST, .item = &FILE_SHAPE, .least = 1, .most = PACKET_FILES_MAX};
static const struct shape_member MEMBERS[] = {
    {"format", &FORMAT, true}, {"drawing", &DIGEST, true},   {"week", &WORD, true},
    {"as_of", &TIME, true},    {"verdict", &WORD, false},    {"rule", &WORD, false},
    {"inputs", &DIGEST, true}, {"decision", &DIGEST, false}, {"contract", &DIGEST, true},
    {"files", &FILES, true},
};
static const struct shape MANIFEST = {OBJECT_OF(MEMBERS)};

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

/* null where nothing is decided: the same as not there. */
static void drop_nulls(json_t *root)
{
    static const char *const NAMES[] = {"verdict", "rule", "decision"};
    for (size_t at = 0; at < COUNT_OF(NAMES); at++)
        if (json_is_null(json_object_get(root, NAMES[at])))
            (void)json_object_del(root, NAMES[at]);
}

/* bytes NULL: it is not there. */
static struct span take(const json_t *object, const char *name, struct pool *pool)
{
    struct span text = json_span(json_object_get(object, name));
    return text.bytes != NULL ? pool_span(pool, text) : text;
}

static enum status take_files(const json_t *list, struct pool *pool,
                              struct packet_manifest *manifest, struct error *error)
{
    size_t count = json_array_size(list);
    struct packet_file *files = pool_take(pool, count * sizeof(*files));
    if (files == NULL)
        return error_set(error, STATUS_RETRY, "out of memory");
    for (size_t at = 0; at < count; at++) {
        const json_t *file = json_array_get(list, at);
        files[at] = (struct packet_file){
            .name = take(file, "name", pool),
            .bytes = (int64_t)json_number_value(json_object_get(file, "bytes")),
            .sha256 = take(file, "sha256", pool)};
        if (files[at].name.bytes == NULL || files[at].sha256.bytes == NULL)
            return error_set(error, STATUS_RETRY, "out of memory");
        if (at > 0 && span_compare(files[at - 1].name, files[at].name) >= 0)
            return error_set(error, STATUS_REJECT,
                             "/files/%zu: not sorted by name, or "
                             "there twice",
                             at);
    }
    manifest->files = files;
    manifest->file_count = count;
    return STATUS_OK;
}

enum status packet_manifest_decode(struct span text, struct pool *pool,
                                   struct packet_manifest *out, struct error *error)
{
    SCOPED(release_json) json_t *root = NULL;
    json_error_t fault;
    struct json_path path = {.length = 0};
    if (text.bytes == NULL || text.length > TEXT_MAX)
        return error_set(error, STATUS_REJECT, "is empty or too large");
    root = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(root))
        return error_set(error, STATUS_REJECT, "is no JSON object");
    drop_nulls(root);
    if (json_shape_check(&MANIFEST, root, &path, error) != STATUS_OK) {
        error->status = STATUS_REJECT;
        return STATUS_REJECT;
    }
    struct packet_manifest manifest = {
        .format = (int64_t)json_number_value(json_object_get(root, "format")),
        .drawing = take(root, "drawing", pool),
        .week = take(root, "week", pool),
        .verdict = take(root, "verdict", pool),
        .rule = take(root, "rule", pool),
        .inputs = take(root, "inputs", pool),
        .decision = take(root, "decision", pool),
        .contract = take(root, "contract", pool),
    };
    (void)rfc3339_parse(json_span(json_object_get(root, "as_of")), &manifest.as_of_us);
    enum status status =
        take_files(json_object_get(root, "files"), pool, &manifest, error);
    if (status == STATUS_OK)
        *out = manifest;
    return status;
}
