/* Lines of an archive from any bytes: what is taken is written and read to the same again. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/record_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct archived_record *record, struct pool *pool)
{
    SCOPED(buf_free) struct buf line;
    struct archived_record again;
    struct error error = {0};
    buf_init(&line, (size_t)1 << 24);
    record_json_write(record, &line);
    ASSERT(!line.failed);
    ASSERT(record_json_read(buf_view(&line), pool, &again, &error) == STATUS_OK);
    ASSERT(span_equal(again.key, record->key) && span_equal(again.value, record->value));
    ASSERT((again.value.bytes == NULL) == (record->value.bytes == NULL));
    ASSERT(span_equal(again.headers, record->headers));
    ASSERT(again.offset == record->offset && again.partition == record->partition);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(pool_free) struct pool pool;
    struct archived_record record;
    struct error error = {0};
    pool_init(&pool, (size_t)1 << 24);
    if (record_json_read((struct span){(const char *)data, size}, &pool, &record,
                         &error) == STATUS_OK) {
        ASSERT(record.partition >= 0 && record.offset >= 0 && record.timestamp_ms >= -1);
        check_again(&record, &pool);
    } else {
        ASSERT(error.status == STATUS_REJECT && error.text[0] != '\0');
    }
    return 0;
}
