#include "common/base/check.h"
#include "workers/packet/packet.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- writing --------------------------------------------------------------------------------- */

static void ignore(void *self, struct span bytes)
{
    (void)self;
    (void)bytes;
}

static void maker_close(struct packet_maker *maker, struct dir_file *file)
{
    struct error found = {0};
    enum status status = dir_file_close(maker->dir, file, &found);
    if (status == STATUS_OK || maker->status != STATUS_OK)
        return;
    maker->status = status;
    *maker->error = found;
}

static struct sink maker_begin(void *self, enum packet_slot slot, const char *name)
{
    struct packet_maker *maker = self;
    ASSERT(maker->files[slot] == NULL);
    maker->files[slot] = dir_write_file(maker->dir, name);
    if (maker->files[slot] != NULL)
        return dir_file_sink(maker->files[slot]);
    maker_close(maker, NULL);
    return (struct sink){.take = ignore};
}

static void maker_end(void *self, enum packet_slot slot)
{
    struct packet_maker *maker = self;
    if (maker->files[slot] != NULL)
        maker_close(maker, maker->files[slot]);
    maker->files[slot] = NULL;
}

struct packet_canvas packet_maker_canvas(struct packet_maker *maker)
{
    return (struct packet_canvas){maker_begin, maker_end, maker};
}

/* ---- findings ------------------------------------------------------------------------------- */

bool packet_found(const struct packet_findings *findings, const char *file)
{
    for (size_t at = 0; at < findings->count && at < PACKET_FINDINGS_MAX; at++)
        if (strcmp(findings->items[at].file, file) == 0)
            return true;
    return false;
}

void packet_find(struct packet_findings *findings, const char *file, const char *format,
                 ...)
{
    if (packet_found(findings, file))
        return;
    size_t at = findings->count++;
    if (at >= PACKET_FINDINGS_MAX)
        return;
    struct packet_finding *finding = &findings->items[at];
    va_list values;
    va_start(values, format);
    (void)snprintf(finding->file, sizeof finding->file, "%s", file);
    (void)vsnprintf(finding->text, sizeof finding->text, format, values);
    va_end(values);
}

/* ---- comparing ------------------------------------------------------------------------------- */

#define PIECE 16384
#define SHOWN 60 /* bytes of what differs */

struct slot {
    int file; /* -1 = nothing to compare with */
    char name[DIR_NAME_MAX];
    int64_t line;
    bool differs;
    size_t held;
    size_t at;
    char piece[PIECE];
};

struct packet_comparer {
    const struct dir_read *folder;
    struct packet_findings *findings;
    struct slot slots[PACKET_SLOTS];
    size_t drawn_count;
    char drawn[DIR_FILES_MAX][DIR_NAME_MAX];
    struct sink_self {
        struct packet_comparer *comparer;
        enum packet_slot slot;
    } selves[PACKET_SLOTS];
};

struct packet_comparer *packet_comparer_new(const struct dir_read *folder,
                                            struct packet_findings *findings)
{
    struct packet_comparer *comparer = calloc(1, sizeof *comparer);
    if (comparer == NULL)
        return NULL;
    comparer->folder = folder;
    comparer->findings = findings;
    for (size_t at = 0; at < PACKET_SLOTS; at++) {
        comparer->slots[at].file = -1;
        comparer->selves[at] = (struct sink_self){comparer, (enum packet_slot)at};
    }
    return comparer;
}

static void close_slot(struct slot *slot)
{
    if (slot->file >= 0)
        (void)close(slot->file);
    slot->file = -1;
}

void packet_comparer_free(struct packet_comparer **slot)
{
    if (*slot == NULL)
        return;
    for (size_t at = 0; at < PACKET_SLOTS; at++)
        close_slot(&(*slot)->slots[at]);
    free(*slot);
    *slot = NULL;
}

bool packet_comparer_drew(const struct packet_comparer *comparer, struct span name)
{
    for (size_t at = 0; at < comparer->drawn_count; at++)
        if (span_is(name, comparer->drawn[at]))
            return true;
    return false;
}

/* The next bytes that the file holds; empty at its end. */
static struct span ahead(struct slot *slot)
{
    while (slot->at == slot->held && slot->file >= 0) {
        ssize_t got = read(slot->file, slot->piece, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        slot->at = 0;
        slot->held = got > 0 ? (size_t)got : 0;
        break;
    }
    return (struct span){slot->piece + slot->at, slot->held - slot->at};
}

static int shown_length(struct span text)
{
    size_t length = text.length < SHOWN ? text.length : SHOWN;
    const char *end = memchr(text.bytes, '\n', length);
    return (int)(end != NULL ? (size_t)(end - text.bytes) : length);
}

static void find_difference(struct packet_comparer *comparer, struct slot *slot,
                            struct span has, struct span must)
{
    slot->differs = true;
    packet_find(comparer->findings, slot->name,
                "line %lld is not what the data give: it has \"%.*s\", and should have "
                "\"%.*s\"",
                (long long)slot->line, shown_length(has), has.bytes, shown_length(must),
                must.bytes);
}

/* Passes over what agrees; what is left begins with the difference. */
static void match(struct slot *slot, struct span *drawn, struct span has)
{
    size_t length = drawn->length < has.length ? drawn->length : has.length;
    size_t at = 0;
    for (; at < length && drawn->bytes[at] == has.bytes[at]; at++)
        slot->line += has.bytes[at] == '\n';
    slot->at += at;
    *drawn = (struct span){drawn->bytes + at, drawn->length - at};
    slot->differs = at < length;
}

static void compare(void *self, struct span drawn)
{
    const struct sink_self *sink = self;
    struct packet_comparer *comparer = sink->comparer;
    struct slot *slot = &comparer->slots[sink->slot];
    while (drawn.length > 0 && slot->file >= 0 && !slot->differs) {
        struct span has = ahead(slot);
        match(slot, &drawn, has);
        if (slot->differs || has.length == 0)
            find_difference(comparer, slot, ahead(slot), drawn);
    }
}

static struct sink comparer_begin(void *self, enum packet_slot at, const char *name)
{
    struct packet_comparer *comparer = self;
    struct slot *slot = &comparer->slots[at];
    ASSERT(comparer->drawn_count < DIR_FILES_MAX);
    (void)snprintf(comparer->drawn[comparer->drawn_count++], DIR_NAME_MAX, "%s", name);
    slot->file = dir_read_file(comparer->folder, name, NULL);
    slot->line = 1;
    slot->held = 0;
    slot->at = 0;
    slot->differs = false;
    (void)snprintf(slot->name, sizeof slot->name, "%s", name);
    if (slot->file < 0)
        packet_find(comparer->findings, name, "is missing");
    return (struct sink){.take = compare, .self = &comparer->selves[at]};
}

static void comparer_end(void *self, enum packet_slot at)
{
    struct packet_comparer *comparer = self;
    struct slot *slot = &comparer->slots[at];
    if (slot->file >= 0 && !slot->differs && ahead(slot).length > 0)
        find_difference(comparer, slot, ahead(slot), SPAN_OF(""));
    close_slot(slot);
}

struct packet_canvas packet_comparer_canvas(struct packet_comparer *comparer)
{
    return (struct packet_canvas){comparer_begin, comparer_end, comparer};
}
