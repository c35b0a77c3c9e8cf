/*
 * Checks a packet from itself alone: every file against the manifest, the data strictly, the
 * verdict derived again, and page and tables drawn again and compared byte by byte.
 */
#include "workers/packet/packet.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/event_key.h"
#include "common/codec/json_text.h"
#include "common/codec/text_show.h"

#include <errno.h>
#include <stdio.h>

#define MANIFEST_BYTES_MAX ((size_t)1024 * 1024)
#define REPORT_BYTES_MAX ((size_t)1024 * 1024)

struct check {
    const char *path;
    bool any_drawing;
    bool is_redrawn;
    struct dir_read folder;
    struct pool pool;
    struct packet_manifest manifest;
    char manifest_digest[WEEK_DIGEST_MAX];
    struct packet_loaded loaded;
    bool is_loaded;
    struct packet_findings findings;
};

static void check_free(struct check *check)
{
    packet_loaded_free(&check->loaded);
    pool_free(&check->pool);
    dir_read_close(&check->folder);
}

/* ---- the manifest ---------------------------------------------------------------------------- */

static enum status no_packet(const struct check *check, const char *text,
                             struct error *error)
{
    (void)error_set(error, STATUS_REJECT, "%.200s: is no packet: %s %.200s", check->path,
                    PACKET_MANIFEST, text);
    return error_exit(error, EXIT_DATA);
}

static bool is_canonical(const struct check *check, const struct buf *bytes)
{
    SCOPED(buf_free) struct buf again;
    buf_init(&again, MANIFEST_BYTES_MAX);
    packet_manifest_encode(&check->manifest, &again);
    return span_equal(buf_view(&again), buf_view(bytes));
}

static enum status read_manifest(struct check *check, struct error *error)
{
    SCOPED(buf_free) struct buf bytes;
    struct error found = {0};
    buf_init(&bytes, MANIFEST_BYTES_MAX);
    enum status status = dir_read_open(check->path, &check->folder, error);
    if (status != STATUS_OK)
        return status;
    int code = dir_read_whole(&check->folder, PACKET_MANIFEST, &bytes);
    if (code != 0)
        return no_packet(check, strerror(code), error);
    status =
        packet_manifest_decode(buf_view(&bytes), &check->pool, &check->manifest, &found);
    if (status == STATUS_REJECT)
        return no_packet(check, found.text, error);
    if (status != STATUS_OK) {
        *error = found;
        return status;
    }
    digest_sha256_hex(buf_view(&bytes), check->manifest_digest);
    if (check->manifest.format != PACKET_FORMAT)
        packet_find(&check->findings, PACKET_MANIFEST,
                    "is of format %lld; this parstock knows format %d",
                    (long long)check->manifest.format, PACKET_FORMAT);
    else if (!is_canonical(check, &bytes))
        packet_find(&check->findings, PACKET_MANIFEST, "is not in its canonical form");
    return STATUS_OK;
}

/* ---- files and digests ---------------------------------------------------------------------- */

static void check_file(struct check *check, const struct packet_file *file)
{
    char name[PACKET_NAME_MAX];
    struct dir_entry entry;
    (void)snprintf(name, sizeof name, "%.*s", SPAN_ARGS(file->name));
    if (!dir_name_is_good(file->name)) {
        packet_find(&check->findings, PACKET_MANIFEST, "names a file \"%s\"", name);
        return;
    }
    int code = dir_read_entry(&check->folder, name, &entry);
    if (code != 0)
        packet_find(&check->findings, name, "%s",
                    code == ENOENT ? "is missing" : strerror(code));
    else if (entry.bytes != file->bytes)
        packet_find(&check->findings, name,
                    "was altered: it has %lld bytes, the manifest says %lld",
                    (long long)entry.bytes, (long long)file->bytes);
    else if (!span_is(file->sha256, entry.sha256))
        packet_find(&check->findings, name,
                    "was altered: its SHA-256 is %.16s.., the manifest says %.16s..",
                    entry.sha256, file->sha256.bytes);
}

static bool is_listed(const struct check *check, const char *name)
{
    for (size_t at = 0; at < check->manifest.file_count; at++)
        if (span_is(check->manifest.files[at].name, name))
            return true;
    return strcmp(name, PACKET_MANIFEST) == 0;
}

static bool is_source(struct span name)
{
    for (size_t at = 0; at < PACKET_SOURCE_COUNT; at++)
        if (span_is(name, packet_source_name((enum packet_source)at)))
            return true;
    return false;
}

static void check_files(struct check *check, bool sources)
{
    for (size_t at = 0; at < check->manifest.file_count; at++)
        if (is_source(check->manifest.files[at].name) == sources)
            check_file(check, &check->manifest.files[at]);
}

static enum status check_strangers(struct check *check, struct error *error)
{
    struct dir_names names;
    enum status status = dir_read_names(&check->folder, &names, error);
    for (size_t at = 0; status == STATUS_OK && at < names.count; at++)
        if (!is_listed(check, names.names[at]))
            packet_find(&check->findings, names.names[at],
                        "does not belong to the packet: the manifest has no such file");
    return status;
}

/* ---- what the data say ---------------------------------------------------------------------- */

static void check_text(struct check *check, const char *file, const char *what,
                       struct span has, struct span must)
{
    if (!span_equal(has, must))
        packet_find(&check->findings, file, "%s is %.*s, and should be %.*s", what,
                    SPAN_ARGS(has.bytes != NULL ? has : SPAN_OF("missing")),
                    SPAN_ARGS(must.bytes != NULL ? must : SPAN_OF("missing")));
}

static void check_decision(struct check *check)
{
    const char *file = packet_source_name(PACKET_DECISION);
    const struct packet_data *data = &check->loaded.data;
    const struct week_decision *decision = &data->decision;
    const struct verdict verdict = verdict_judge(&data->inputs);
    if (!data->is_decided)
        return;
    check_text(check, file, "the digest of its inputs", decision->inputs,
               span_from(data->inputs_digest));
    check_text(check, file, "the digest of its contract file", decision->contract,
               span_from(data->contract->digest));
    check_text(check, file, "the verdict",
               span_from(week_verdict_name(decision->verdict)),
               span_from(week_verdict_name(verdict.verdict)));
    check_text(check, file, "the rule", decision->rule, span_from(verdict.look.rule->id));
    check_text(check, file, "the hand-off", decision->handoff,
               span_from(verdict.handoff.to));
    if (decision->monday != data->inputs.period.first_day)
        packet_find(&check->findings, file, "it is of another week");
}

static void check_drawing(struct check *check, struct span must)
{
    check->is_redrawn = span_equal(check->manifest.drawing, must);
    if (!check->is_redrawn && !check->any_drawing)
        packet_find(
            &check->findings, PACKET_MANIFEST,
            "its drawing is %.16s.., that of this parstock %.16s..: another version "
            "drew page and tables. Check it with that one, or, without drawing them "
            "again, with --any-drawing",
            check->manifest.drawing.bytes, must.bytes);
}

static enum status check_summary(struct check *check, struct error *error)
{
    struct packet_summary summary;
    const struct packet_manifest *must = &summary.manifest;
    const struct packet_manifest *has = &check->manifest;
    enum status status = packet_summarize(&check->loaded, &summary, error);
    if (status != STATUS_OK)
        return status;
    const struct {
        const char *what;
        struct span has;
        struct span must;
    } TEXTS[] = {{"the week", has->week, must->week},
                 {"the verdict", has->verdict, must->verdict},
                 {"the rule", has->rule, must->rule},
                 {"the digest of the inputs", has->inputs, must->inputs},
                 {"the digest of the decision", has->decision, must->decision},
                 {"the digest of the contract file", has->contract, must->contract}};
    for (size_t at = 0; at < COUNT_OF(TEXTS); at++)
        check_text(check, PACKET_MANIFEST, TEXTS[at].what, TEXTS[at].has, TEXTS[at].must);
    if (has->as_of_us != must->as_of_us)
        packet_find(&check->findings, PACKET_MANIFEST,
                    "its time is not that of the inputs");
    check_text(check, packet_source_name(PACKET_WEEK), "the digest of the contract file",
               check->loaded.data.inputs.contract,
               span_from(check->loaded.data.contract->digest));
    check_drawing(check, must->drawing);
    return STATUS_OK;
}

static void check_drawn(struct check *check, const struct packet_comparer *comparer)
{
    for (size_t at = 0; at < check->manifest.file_count; at++) {
        struct span name = check->manifest.files[at].name;
        if (!is_source(name) && !packet_comparer_drew(comparer, name))
            packet_find(&check->findings, PACKET_MANIFEST,
                        "names %.*s, which no packet has", SPAN_ARGS(name));
    }
}

static enum status draw_again(struct check *check, struct error *error)
{
    SCOPED(packet_comparer_free)
    struct packet_comparer *comparer =
        packet_comparer_new(&check->folder, &check->findings);
    struct error found = {0};
    if (comparer == NULL)
        return error_set(error, STATUS_RETRY, "out of memory");
    const struct packet_canvas canvas = packet_comparer_canvas(comparer);
    enum status status = packet_draw(&check->loaded.data, &canvas, &found);
    if (status == STATUS_REJECT) {
        packet_find(&check->findings,
                    strstr(found.text, packet_source_name(PACKET_SPOT_CHECKS)) ==
                            found.text
                        ? packet_source_name(PACKET_SPOT_CHECKS)
                        : packet_source_name(PACKET_INCIDENTS),
                    "%s", found.text);
        return STATUS_OK;
    }
    if (status == STATUS_OK)
        check_drawn(check, comparer);
    else
        *error = found;
    return status;
}

static enum status check_data(struct check *check, struct error *error)
{
    struct error found = {0};
    enum status status = packet_load(&check->folder, &check->loaded, &found);
    if (status == STATUS_REJECT) {
        packet_find(&check->findings, found.code, "%s", found.text);
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        *error = found;
        return status;
    }
    check->is_loaded = true;
    check_decision(check);
    status = check_summary(check, error);
    return status == STATUS_OK && check->is_redrawn ? draw_again(check, error) : status;
}

/* ---- what was found ------------------------------------------------------------------------- */

/* A packet comes from somewhere: what it holds must not steer the terminal. */
static void print_shown(const char *text)
{
    struct span rest = span_from(text);
    struct text_shown shown;
    while (text_show_next(&rest, &shown))
        (void)fwrite(shown.bytes, 1, shown.length, stdout);
}

static void print_table(const struct check *check)
{
    for (size_t at = 0; at < check->findings.count && at < PACKET_FINDINGS_MAX; at++) {
        print_shown(check->findings.items[at].file);
        fputs(": ", stdout);
        print_shown(check->findings.items[at].text);
        putchar('\n');
    }
    if (check->findings.count > PACKET_FINDINGS_MAX)
        printf("and %zu more\n", check->findings.count - PACKET_FINDINGS_MAX);
    if (check->findings.count > 0) {
        puts("the packet is not what was made");
        return;
    }
    printf("packet of week %.*s: sound\n", SPAN_ARGS(check->manifest.week));
    if (check->manifest.verdict.bytes != NULL)
        printf("verdict   %.*s, by rule %.*s, derived again from its inputs\n",
               SPAN_ARGS(check->manifest.verdict), SPAN_ARGS(check->manifest.rule));
    else
        puts("verdict   not decided yet");
    printf("files     %zu, page and tables %s\n"
           "inputs    %.*s\ncontract  %.*s\nmanifest  %s\n",
           check->manifest.file_count,
           check->is_redrawn ? "drawn again alike" : "not drawn again",
           SPAN_ARGS(check->manifest.inputs), SPAN_ARGS(check->manifest.contract),
           check->manifest_digest);
}

static void add_findings(const struct check *check, struct buf *out)
{
    json_name(out, "findings");
    buf_byte(out, '[');
    for (size_t at = 0; at < check->findings.count && at < PACKET_FINDINGS_MAX; at++) {
        buf_text(out, at > 0 ? ",{" : "{");
        json_member_text_lossy(out, "file", span_from(check->findings.items[at].file));
        json_member_text_lossy(out, "what", span_from(check->findings.items[at].text));
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}

static enum status print_json(const struct check *check, struct error *error)
{
    SCOPED(buf_free) struct buf out;
    buf_init(&out, REPORT_BYTES_MAX);
    buf_byte(&out, '{');
    json_name(&out, "ok");
    buf_text(&out, check->findings.count == 0 ? "true" : "false");
    json_member_text(&out, "path", span_from(check->path));
    json_member_text_lossy(&out, "week", check->manifest.week);
    json_member_text_lossy(&out, "verdict", check->manifest.verdict);
    json_member_text_lossy(&out, "rule", check->manifest.rule);
    json_member_text(&out, "inputs", check->manifest.inputs);
    json_member_text(&out, "contract", check->manifest.contract);
    json_member_text(&out, "manifest", span_from(check->manifest_digest));
    json_member_number(&out, "files", (int64_t)check->manifest.file_count);
    json_member_number(&out, "found", (int64_t)check->findings.count);
    json_name(&out, "redrawn");
    buf_text(&out, check->is_redrawn ? "true" : "false");
    add_findings(check, &out);
    buf_byte(&out, '}');
    if (out.failed)
        return error_set(error, STATUS_FATAL, "packet: out of memory");
    puts(out.bytes);
    return STATUS_OK;
}

static enum status run(struct check *check, enum output output, struct error *error)
{
    enum status status = read_manifest(check, error);
    if (status != STATUS_OK)
        return status;
    check_files(check, true);
    /* Of altered data nothing is derived: it would put the blame on what was left alone. */
    if (check->findings.count == 0)
        status = check_data(check, error);
    check_files(check, false);
    if (status == STATUS_OK)
        status = check_strangers(check, error);
    if (status != STATUS_OK)
        return status;
    if (output == OUTPUT_TABLE)
        print_table(check);
    else
        status = print_json(check, error);
    if (status != STATUS_OK || check->findings.count == 0)
        return status;
    (void)error_set(error, STATUS_REJECT, "%.200s: %zu of its files are not as they were",
                    check->path, check->findings.count);
    return error_exit(error, EXIT_FOUND);
}

enum status packet_verify(const char *path, const struct packet_flags *flags,
                          enum output output, struct error *error)
{
    SCOPED(check_free)
    struct check check = {
        .path = path, .any_drawing = flags->any_drawing, .folder = {-1}};
    pool_init(&check.pool, MANIFEST_BYTES_MAX * 4);
    packet_loaded_init(&check.loaded);
    return run(&check, output, error);
}
