/*
 * Editing a letter's value: a file in its place, fields set, a person's editor. No shell is
 * started: the words of $EDITOR are taken as they are.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/file_read.h"
#include "workers/dead_letters/letters.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define EDITOR_WORDS_MAX 8
#define EDITOR_BYTES_MAX 1024
#define PATH_BYTES_MAX 1024

extern char **environ;

static enum status refuse(struct error *error, int exit_code, const char *about)
{
    (void)error_set(error, STATUS_REJECT, "editing: %s", about);
    return error_exit(error, exit_code);
}

/* ---- a file in its place --------------------------------------------------------------------- */

static enum status take_file(const char *path, struct buf *out, struct error *error)
{
    buf_clear(out);
    int fault = file_read(path, out);
    if (fault == 0)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "--value-file %.200s: %s", path,
                    fault == EFBIG ? "a value has at most 64 KiB" : strerror(fault));
    return error_exit(error, EXIT_DATA);
}

/* ---- an editor --------------------------------------------------------------------------------- */

struct scratch_file {
    char path[PATH_BYTES_MAX];
};

static void scratch_remove(struct scratch_file *file)
{
    if (file->path[0] != '\0')
        (void)unlink(file->path);
}

static bool write_all(int file, struct span bytes)
{
    while (bytes.length > 0) {
        ssize_t length = write(file, bytes.bytes, bytes.length);
        if (length < 0)
            return false;
        bytes.bytes += length;
        bytes.length -= (size_t)length;
    }
    return true;
}

/* Only the user may read it: values can be anything. */
static enum status scratch_write(struct scratch_file *file, struct span value,
                                 struct error *error)
{
    const char *directory = getenv("TMPDIR");
    int length = snprintf(file->path, sizeof(file->path), "%s/parstock-letter-XXXXXX",
                          directory != NULL && directory[0] != '\0' ? directory : "/tmp");
    int descriptor =
        length > 0 && (size_t)length < sizeof(file->path) ? mkstemp(file->path) : -1;
    if (descriptor < 0)
        file->path[0] = '\0';
    bool is_written = descriptor >= 0 && write_all(descriptor, value);
    bool is_closed = descriptor >= 0 && close(descriptor) == 0;
    if (is_written && is_closed)
        return STATUS_OK;
    return refuse(error, EXIT_UNAVAILABLE, strerror(errno));
}

/* "code --wait": the words of the variable, and the file behind them. */
static size_t editor_words(char *text, char *words[EDITOR_WORDS_MAX + 2])
{
    size_t count = 0;
    char *at = text;
    while (count < EDITOR_WORDS_MAX) {
        at += strspn(at, " \t");
        if (*at == '\0')
            break;
        words[count++] = at;
        at += strcspn(at, " \t");
        if (*at == '\0')
            break;
        *at++ = '\0';
    }
    return count;
}

static const char *editor_named(void)
{
    const char *visual = getenv("VISUAL");
    const char *editor = getenv("EDITOR");
    if (visual != NULL && visual[0] != '\0')
        return visual;
    return editor != NULL && editor[0] != '\0' ? editor : NULL;
}

static enum status wait_for(pid_t pid, struct error *error)
{
    int how = 0;
    while (waitpid(pid, &how, 0) < 0)
        if (errno != EINTR)
            return refuse(error, EXIT_UNAVAILABLE, strerror(errno));
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
        return STATUS_OK;
    return refuse(error, EXIT_DATA, "the editor failed; nothing is sent");
}

static enum status run_editor(struct scratch_file *file, struct error *error)
{
    char text[EDITOR_BYTES_MAX];
    char *words[EDITOR_WORDS_MAX + 2] = {NULL};
    const char *editor = editor_named();
    pid_t pid = 0;
    if (editor == NULL || strlen(editor) >= sizeof(text))
        return refuse(error, EXIT_USAGE,
                      "set EDITOR to the program to edit with, e.g. EDITOR=nano");
    (void)snprintf(text, sizeof(text), "%s", editor);
    size_t count = editor_words(text, words);
    if (count == 0)
        return refuse(error, EXIT_USAGE, "EDITOR is blank");
    words[count] = file->path;
    int fault = posix_spawnp(&pid, words[0], NULL, NULL, words, environ);
    if (fault != 0)
        return refuse(error, EXIT_USAGE, strerror(fault));
    return wait_for(pid, error);
}

/* Editors end a file by a line feed that the value did not have. */
static void drop_added_feed(const struct span before, struct buf *out)
{
    bool had = before.length > 0 && before.bytes[before.length - 1] == '\n';
    if (!had && out->length > 0 && out->bytes[out->length - 1] == '\n')
        out->bytes[--out->length] = '\0';
}

static enum status edit(struct buf *out, struct span before, struct error *error)
{
    SCOPED(scratch_remove) struct scratch_file file = {{0}};
    enum status status = scratch_write(&file, buf_view(out), error);
    if (status == STATUS_OK)
        status = run_editor(&file, error);
    if (status != STATUS_OK)
        return status;
    buf_clear(out);
    int fault = file_read(file.path, out);
    if (fault != 0)
        return refuse(error, EXIT_DATA, strerror(fault));
    drop_added_feed(before, out);
    return STATUS_OK;
}

/* ---- all of it ------------------------------------------------------------------------------------ */

enum status letters_edit(struct letters *self, const struct letter *letter,
                         struct buf *out, bool *edited_out, struct error *error)
{
    const struct letters_flags *flags = self->flags;
    struct cloud_attributes cloud;
    enum status status = STATUS_OK;
    letter_cloud(letter, &cloud);
    buf_clear(out);
    buf_span(out, letter->value);
    if (flags->value_file != NULL)
        status = take_file(flags->value_file, out, error);
    for (size_t at = 0; at < flags->set.count && status == STATUS_OK; at++)
        status = letter_set(out, cloud.structured, flags->set.texts[at], error);
    if (status == STATUS_OK && flags->edit)
        status = edit(out, letter->value, error);
    if (status == STATUS_OK && out->failed)
        return refuse(error, EXIT_DATA, "the value is too long to be sent again");
    *edited_out = status == STATUS_OK && !span_equal(buf_view(out), letter->value);
    return status;
}
