/* Manifests and rows of packets on any bytes: what is taken is whole, and encoded again the
 * same thing; what is refused says why. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/packet_manifest.h"
#include "common/codec/packet_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY ((size_t)16 << 20)

static void check_manifest(struct span text, struct pool *pool)
{
    SCOPED(buf_free) struct buf once;
    SCOPED(buf_free) struct buf twice;
    struct packet_manifest manifest;
    struct packet_manifest again;
    struct error error = {0};
    buf_init(&once, MEMORY);
    buf_init(&twice, MEMORY);
    if (packet_manifest_decode(text, pool, &manifest, &error) != STATUS_OK) {
        ASSERT(error.status == STATUS_REJECT && error.text[0] != '\0');
        return;
    }
    packet_manifest_encode(&manifest, &once);
    ASSERT(!once.failed);
    ASSERT(packet_manifest_decode(buf_view(&once), pool, &again, &error) == STATUS_OK);
    packet_manifest_encode(&again, &twice);
    ASSERT(span_equal(buf_view(&once), buf_view(&twice)));
}

static void check_incident(struct span text, struct pool *pool)
{
    SCOPED(buf_free) struct buf line;
    struct packet_incident incident;
    struct packet_incident again;
    struct error error = {0};
    buf_init(&line, MEMORY);
    if (packet_incident_decode(text, pool, &incident, &error) != STATUS_OK) {
        ASSERT(error.status == STATUS_REJECT && error.text[0] != '\0');
        return;
    }
    packet_incident_encode(&incident, &line);
    struct span encoded = {line.bytes, line.length - 1};
    ASSERT(packet_incident_decode(encoded, pool, &again, &error) == STATUS_OK);
    ASSERT(span_equal(incident.sku, again.sku) && incident.at_us == again.at_us);
}

static void check_spot(struct span text, struct pool *pool)
{
    struct packet_spot_check check;
    struct error error = {0};
    if (packet_spot_check_decode(text, pool, &check, &error) == STATUS_OK)
        ASSERT(check.sku.bytes != NULL && check.note.bytes != NULL);
    else
        ASSERT(error.status == STATUS_REJECT && error.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(pool_free) struct pool pool;
    struct span text = {size > 0 ? (const char *)data : "", size};
    pool_init(&pool, MEMORY);
    if (size > (size_t)64 * 1024)
        return 0;
    check_manifest(text, &pool);
    check_incident(text, &pool);
    check_spot(text, &pool);
    return 0;
}
