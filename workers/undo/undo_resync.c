/*
 * What a resync wrote, and why it is not written back: a level that does not follow from what
 * the sources say would be decided away at the next look, so promising it would be untrue.
 */
#include "workers/undo/undo.h"

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "undo: out of memory");
}

struct fate_row {
    const char *rule;
    const char *why;
    enum undo_fate fate;
    bool (*fits)(const struct undo_write *write);
};

static bool is_unwritten(const struct undo_write *write)
{
    return !write->was_written || (write->has_from && write->from == write->to);
}

static bool is_moved(const struct undo_write *write)
{
    return write->is_moved;
}

static bool is_any(const struct undo_write *write)
{
    (void)write;
    return true;
}

static const struct fate_row FATES[] = {
    {"no_effect", "the resync wrote nothing there", UNDO_SKIP, is_unwritten},
    {"moved", "the pair has moved since the resync wrote it", UNDO_REFUSE, is_moved},
    {"follows_source",
     "a shop shows what its source says, decided anew before every write: an old level "
     "written back would not stand. Correct the source: undo its import, or say the right "
     "number by a count ('parstock spot-checks record')",
     UNDO_REFUSE, is_any},
};

static const struct fate_row *fate_of(const struct undo_write *write)
{
    const struct fate_row *row = FATES;
    while (!row->fits(write))
        row++;
    return row;
}

struct taking {
    struct undo *self;
    struct undo_plan *plan;
};

static enum status take_write(void *self, const struct undo_write *write,
                              struct error *error)
{
    const struct taking *taking = self;
    struct pool *pool = &taking->self->pool;
    const struct fate_row *fate = fate_of(write);
    struct undo_line *line = undo_plan_add(taking->self, taking->plan);
    if (line == NULL)
        return out_of_memory(error);
    line->sku = pool_span(pool, write->sku);
    line->location = pool_span(pool, write->location);
    line->source = pool_span(pool, write->shop);
    line->rule = fate->rule;
    line->why = fate->why;
    line->fate = fate->fate;
    line->has_level = write->was_written;
    line->level = write->to;
    line->has_back = write->has_from;
    line->back = write->from;
    if (write->is_moved)
        line->moved_by = pool_span(pool, write->moved_by);
    if (line->sku.bytes == NULL || line->location.bytes == NULL ||
        line->source.bytes == NULL)
        return out_of_memory(error);
    undo_plan_count(taking->plan, line);
    return STATUS_OK;
}

enum status undo_plan_resync(struct undo *self, struct undo_plan *plan,
                             struct error *error)
{
    struct taking taking = {self, plan};
    const struct undo_write_visitor visitor = {.each = take_write, .self = &taking};
    return store_undo_writes(self->postgres, self->id, &visitor, error);
}
