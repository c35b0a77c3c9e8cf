/*
 * The second half of making a packet: page, tables and manifest from the data files that lie
 * in the folder already.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/event_key.h"
#include "workers/packet/packet.h"

#include <stdlib.h>

#define MANIFEST_BYTES_MAX ((size_t)1024 * 1024)

static int compare_files(const void *left, const void *right)
{
    return span_compare(((const struct packet_file *)left)->name,
                        ((const struct packet_file *)right)->name);
}

static enum status write_bytes(struct dir_write *dir, const char *name, struct span bytes,
                               struct error *error)
{
    struct dir_file *file = dir_write_file(dir, name);
    if (file != NULL) {
        const struct sink sink = dir_file_sink(file);
        sink_take(&sink, bytes);
    }
    return dir_file_close(dir, file, error);
}

static enum status write_manifest(struct dir_write *dir,
                                  const struct packet_loaded *loaded,
                                  char digest_out[WEEK_DIGEST_MAX], struct error *error)
{
    SCOPED(buf_free) struct buf bytes;
    struct packet_file files[PACKET_FILES_MAX];
    struct packet_summary summary;
    const struct dir_entry *entries;
    size_t count = dir_write_entries(dir, &entries);
    enum status status = packet_summarize(loaded, &summary, error);
    ASSERT(count <= PACKET_FILES_MAX);
    if (status != STATUS_OK)
        return status;
    for (size_t at = 0; at < count; at++)
        files[at] = (struct packet_file){.name = span_from(entries[at].name),
                                         .bytes = entries[at].bytes,
                                         .sha256 = span_from(entries[at].sha256)};
    qsort(files, count, sizeof files[0], compare_files);
    summary.manifest.files = files;
    summary.manifest.file_count = count;
    buf_init(&bytes, MANIFEST_BYTES_MAX);
    packet_manifest_encode(&summary.manifest, &bytes);
    if (bytes.failed)
        return error_set(error, STATUS_RETRY, "packet: out of memory");
    digest_sha256_hex(buf_view(&bytes), digest_out);
    return write_bytes(dir, PACKET_MANIFEST, buf_view(&bytes), error);
}

enum status packet_seal(struct dir_write *dir, char digest_out[WEEK_DIGEST_MAX],
                        struct error *error)
{
    SCOPED(packet_loaded_free) struct packet_loaded loaded;
    const struct dir_read folder = {.folder = dir_write_folder(dir)};
    struct packet_maker maker = {.dir = dir, .error = error};
    const struct packet_canvas canvas = packet_maker_canvas(&maker);
    packet_loaded_init(&loaded);
    enum status status = packet_load(&folder, &loaded, error);
    if (status == STATUS_OK)
        status = packet_draw(&loaded.data, &canvas, error);
    if (status == STATUS_OK)
        status = maker.status;
    return status == STATUS_OK ? write_manifest(dir, &loaded, digest_out, error) : status;
}
