#include "workers/import/import_rejects.h"

#include "common/codec/json_text.h"
#include "workers/import/import_report.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LINE_BYTES_MAX ((size_t)2 * 1024 * 1024)

void rejects_init(struct import_rejects *rejects, const char *asked)
{
    *rejects = (struct import_rejects){.asked = asked};
    buf_init(&rejects->line, LINE_BYTES_MAX);
}

void rejects_free(struct import_rejects *rejects)
{
    buf_free(&rejects->line);
}

static void path_of(const struct import_rejects *rejects, const struct import_file *file,
                    char *room, size_t size)
{
    if (rejects->asked != NULL)
        (void)snprintf(room, size, "%s", rejects->asked);
    else
        (void)snprintf(room, size, "%s.rejects", file->path);
}

static bool cannot_write(struct import_rejects *rejects, struct error *error)
{
    bool is_first = !rejects->broken;
    rejects->broken = true;
    (void)error_set(error, STATUS_REJECT,
                    "cannot write %.300s: %s; --rejects names another", rejects->path,
                    strerror(errno));
    return !is_first;
}

/* Only its owner may read it: the rows are somebody's stock. */
static bool open_for(struct import_rejects *rejects, const struct import_file *file,
                     struct error *error)
{
    bool is_shared = rejects->asked != NULL && rejects->file != NULL;
    if (rejects->file == file || (is_shared && rejects->stream != NULL)) {
        rejects->file = file;
        return rejects->stream != NULL;
    }
    (void)rejects_close(rejects, error);
    path_of(rejects, file, rejects->path, sizeof(rejects->path));
    rejects->file = file;
    int handle =
        open(rejects->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    rejects->stream = handle >= 0 ? fdopen(handle, "w") : NULL;
    if (rejects->stream == NULL && handle >= 0)
        (void)close(handle);
    return rejects->stream != NULL;
}

static void write_line(struct buf *line, const struct import_fault *fault)
{
    struct buf detail = {0};
    buf_init(&detail, LINE_BYTES_MAX);
    report_detail(fault, &detail);
    buf_clear(line);
    buf_byte(line, '{');
    json_member_text_lossy(line, "file", span_from(fault->file->path));
    json_member_number(line, "line", fault->line);
    json_member_number(line, "row", fault->row);
    json_member_text(line, "reason", span_from(feed_reason_code(fault->reason)));
    json_member_text_lossy(line, "detail", buf_view(&detail));
    json_member_text_lossy(line, "record", fault->raw);
    buf_text(line, "}\n");
    buf_free(&detail);
}

bool rejects_add(struct import_rejects *rejects, const struct import_fault *fault,
                 struct error *error)
{
    if (!open_for(rejects, fault->file, error))
        return cannot_write(rejects, error);
    write_line(&rejects->line, fault);
    if (fwrite(rejects->line.bytes, 1, rejects->line.length, rejects->stream) ==
        rejects->line.length)
        return true;
    return cannot_write(rejects, error);
}

void rejects_forget(const struct import_rejects *rejects, const struct import_file *file)
{
    char path[sizeof(rejects->path)];
    path_of(rejects, file, path, sizeof(path));
    (void)unlink(path);
}

bool rejects_close(struct import_rejects *rejects, struct error *error)
{
    FILE *stream = rejects->stream;
    rejects->stream = NULL;
    rejects->file = NULL;
    if (stream == NULL || fclose(stream) == 0)
        return true;
    return cannot_write(rejects, error);
}
