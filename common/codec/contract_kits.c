#include "common/codec/contract_kits.h"

#include "common/codec/json_shape.h"
#include "common/codec/sku_unicode.h"

#include <stdlib.h>

/* A kit by its place in the file. */
struct placed {
    struct span sku;
    size_t at;
};

/* What is made of the list; kits and uses go by rank, which is the order of SKUs. */
struct kits {
    json_t *list;
    struct contract *contract;
    struct pool *pool;
    struct error *error;
    struct placed *order; /* one a kit, sorted */
    struct kit *kits;
    struct kit_part *parts; /* of all kits, one kit after the other */
    struct kit_use *uses;
    size_t kit_count;
    size_t part_count;
};

static json_t *components_at(const struct kits *kits, size_t at)
{
    return json_object_get(json_array_get(kits->list, at), "components");
}

static enum status refuse_sku(struct error *error, size_t kit, const char *member)
{
    return error_set(error, STATUS_FATAL,
                     "/kits/%zu/%s: is no SKU: nothing is left of it once normalised, or "
                     "more than 255 characters; correct it or take the kit out",
                     kit, member);
}

static bool read_sku(const struct kits *kits, json_t *object, struct span *sku_out)
{
    struct span raw = json_span(json_object_get(object, "sku"));
    return sku_normalise_kept(raw, kits->contract->sku_steps, kits->pool, sku_out) ==
           REASON_NONE;
}

/* ---- memory ----------------------------------------------------------------------- */

static bool take_memory(struct kits *kits)
{
    kits->kit_count = json_array_size(kits->list);
    for (size_t at = 0; at < kits->kit_count; at++)
        kits->part_count += json_array_size(components_at(kits, at));
    kits->order = pool_take(kits->pool, kits->kit_count * sizeof(*kits->order));
    kits->kits = pool_take(kits->pool, kits->kit_count * sizeof(*kits->kits));
    kits->parts = pool_take(kits->pool, kits->part_count * sizeof(*kits->parts));
    kits->uses = pool_take(kits->pool, kits->part_count * sizeof(*kits->uses));
    return kits->order != NULL && kits->kits != NULL && kits->parts != NULL &&
           kits->uses != NULL;
}

/* ---- the kits --------------------------------------------------------------------- */

static int compare_placed(const void *left, const void *right)
{
    const struct placed *a = left;
    const struct placed *b = right;
    int order = span_compare(a->sku, b->sku);
    return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

static enum status order_kits(struct kits *kits)
{
    for (size_t at = 0; at < kits->kit_count; at++) {
        kits->order[at].at = at;
        if (!read_sku(kits, json_array_get(kits->list, at), &kits->order[at].sku))
            return refuse_sku(kits->error, at, "sku");
    }
    qsort(kits->order, kits->kit_count, sizeof(*kits->order), compare_placed);
    for (size_t rank = 1; rank < kits->kit_count; rank++) {
        const struct placed *kit = &kits->order[rank];
        if (span_equal(kit[-1].sku, kit->sku))
            return error_set(kits->error, STATUS_FATAL,
                             "/kits/%zu/sku: is that of /kits/%zu too, once normalised; "
                             "give each kit once",
                             kit->at, kit[-1].at);
    }
    return STATUS_OK;
}

/* ---- their parts ------------------------------------------------------------------ */

static enum status read_parts(struct kits *kits, size_t rank, size_t *next)
{
    size_t at = kits->order[rank].at;
    json_t *components = components_at(kits, at);
    struct kit_part *parts = kits->parts + *next;
    char member[64];
    struct span why = json_span(json_object_get(json_array_get(kits->list, at), "why"));
    kits->kits[rank] =
        (struct kit){.sku = kits->order[rank].sku,
                     .parts = parts,
                     .part_count = json_array_size(components),
                     .why = why.bytes != NULL ? pool_span(kits->pool, why) : why};
    for (size_t each = 0; each < kits->kits[rank].part_count; each++) {
        json_t *component = json_array_get(components, each);
        /* 2.0 is an integer too; what the shape lets through is exact as a double */
        parts[each].quantity =
            (int64_t)json_number_value(json_object_get(component, "quantity"));
        if (!read_sku(kits, component, &parts[each].sku)) {
            (void)snprintf(member, sizeof(member), "components/%zu/sku", each);
            return refuse_sku(kits->error, at, member);
        }
        kits->uses[(*next)++] = (struct kit_use){.sku = parts[each].sku, .kit = rank};
    }
    return STATUS_OK;
}

static enum status check_nesting(const struct kits *kits)
{
    for (size_t rank = 0; rank < kits->kit_count; rank++) {
        const struct kit *kit = &kits->kits[rank];
        for (size_t each = 0; each < kit->part_count; each++) {
            const struct kit *inner = contract_kit(kits->contract, kit->parts[each].sku);
            if (inner == NULL)
                continue;
            return error_set(kits->error, STATUS_FATAL,
                             "/kits/%zu/components/%zu/sku: is the SKU of the kit "
                             "/kits/%zu; a kit consists of what is counted, so name that "
                             "kit's own components here",
                             kits->order[rank].at, each,
                             kits->order[inner - kits->kits].at);
        }
    }
    return STATUS_OK;
}

/* ---- the index of parts ----------------------------------------------------------- */

static int compare_uses(const void *left, const void *right)
{
    const struct kit_use *a = left;
    const struct kit_use *b = right;
    int order = span_compare(a->sku, b->sku);
    return order != 0 ? order : (a->kit > b->kit) - (a->kit < b->kit);
}

static enum status refuse_twice(const struct kits *kits, const struct kit_use *use)
{
    const struct kit *kit = &kits->kits[use->kit];
    size_t found[2] = {0};
    size_t count = 0;
    for (size_t each = 0; each < kit->part_count && count < 2; each++)
        if (span_equal(kit->parts[each].sku, use->sku))
            found[count++] = each;
    return error_set(kits->error, STATUS_FATAL,
                     "/kits/%zu/components/%zu/sku: is that of component %zu too, once "
                     "normalised; give it once with the whole quantity",
                     kits->order[use->kit].at, found[1], found[0]);
}

static enum status order_uses(struct kits *kits)
{
    qsort(kits->uses, kits->part_count, sizeof(*kits->uses), compare_uses);
    for (size_t at = 1; at < kits->part_count; at++) {
        const struct kit_use *use = &kits->uses[at];
        if (use[-1].kit == use->kit && span_equal(use[-1].sku, use->sku))
            return refuse_twice(kits, use);
    }
    return STATUS_OK;
}

/* ---- all of it -------------------------------------------------------------------- */

static enum status read_kits(struct kits *kits)
{
    size_t next = 0;
    enum status status = order_kits(kits);
    for (size_t rank = 0; rank < kits->kit_count && status == STATUS_OK; rank++)
        status = read_parts(kits, rank, &next);
    if (status != STATUS_OK)
        return status;
    kits->contract->kits = kits->kits;
    kits->contract->kit_count = kits->kit_count;
    status = check_nesting(kits);
    if (status == STATUS_OK)
        status = order_uses(kits);
    kits->contract->kit_uses = kits->uses;
    kits->contract->kit_use_count = kits->part_count;
    return status;
}

enum status contract_build_kits(json_t *list, struct pool *pool,
                                struct contract *contract, struct error *error)
{
    struct kits kits = {.list = list, .contract = contract, .pool = pool, .error = error};
    if (json_array_size(list) == 0)
        return STATUS_OK;
    if (!take_memory(&kits))
        return error_set(error, STATUS_FATAL, "out of memory");
    return read_kits(&kits);
}
