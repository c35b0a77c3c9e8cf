/*
 * parstock normalize: raw SKUs from stdin, one a line, to normalised ones on stdout. For
 * producers that must compute record keys themselves, and for people who ask why two
 * spellings are, or are not, one SKU.
 */
#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/sku_unicode.h"
#include "common/runtime/config.h"
#include "common/runtime/contract_file.h"
#include "workers/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Longer lines can not be SKUs; they are answered without being kept. */
#define LINE_MAX_BYTES ((size_t)64 * 1024)

static const struct command_spec SPEC = {
    .name = "normalize",
    .summary = "normalise SKUs as record keys need them",
    .usage = "[--contract FILE] < SKUS",
    .detail =
        "Reads raw SKUs from standard input, one a line (UTF-8; a CR before the LF is not "
        "part of it), and writes for each line the normalised SKU, or \"! code\" in lower "
        "case: not_utf8, bad_text (not 1 to 255 characters, or control characters) or "
        "bad_sku (nothing left, or more than 255 characters, once normalised). Without a "
        "contract file all steps are on. Exit code 65 if any line was refused.",
    .uses = CONFIG_CONTRACT,
};

/* ---- lines of any length, a bounded part of which is kept ------------------------- */

struct line_reader {
    char bytes[LINE_MAX_BYTES + 1]; /* one more, for the CR of a longest line */
    size_t start;                   /* of what has not been given out */
    size_t end;
    bool ended;
};

/* More bytes behind those kept. Answers are out before the reader may have to wait. */
static enum status reader_fill(struct line_reader *reader, struct error *error)
{
    memmove(reader->bytes, reader->bytes + reader->start, reader->end - reader->start);
    reader->end -= reader->start;
    reader->start = 0;
    if (fflush(stdout) != 0)
        return error_set(error, STATUS_RETRY, "cannot write to standard output: %s",
                         strerror(errno));
    ssize_t got;
    do
        got = read(STDIN_FILENO, reader->bytes + reader->end,
                   sizeof(reader->bytes) - reader->end);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_set(error, STATUS_RETRY, "cannot read standard input: %s",
                         strerror(errno));
    reader->end += (size_t)got;
    reader->ended = got == 0;
    return STATUS_OK;
}

struct line {
    struct span text; /* without its end; the first part of one that is too long */
    bool too_long;
    bool exists;
};

/* The end of the line at reader->start, looking no further than what is there. */
static const char *find_end(const struct line_reader *reader)
{
    return memchr(reader->bytes + reader->start, '\n', reader->end - reader->start);
}

static void give_line(struct line_reader *reader, size_t end, struct line *line)
{
    struct span text = {reader->bytes + reader->start, end - reader->start};
    bool has_end = end < reader->end;
    if (has_end && text.length > 0 && text.bytes[text.length - 1] == '\r')
        text.length--;
    reader->start = has_end ? end + 1 : end;
    line->text = text;
    line->exists = true;
}

/* The next line; line->exists is false at the end. The last one may lack its LF. */
static enum status reader_next(struct line_reader *reader, struct line *line,
                               struct error *error)
{
    *line = (struct line){0};
    for (;;) {
        const char *end = find_end(reader);
        if (end != NULL) {
            give_line(reader, (size_t)(end - reader->bytes), line);
            return STATUS_OK;
        }
        if (reader->ended) {
            bool has_rest = reader->end > reader->start || line->too_long;
            if (has_rest)
                give_line(reader, reader->end, line);
            return STATUS_OK;
        }
        if (reader->end - reader->start == sizeof(reader->bytes)) {
            line->too_long = true;
            reader->start = reader->end;
        }
        enum status status = reader_fill(reader, error);
        if (status != STATUS_OK)
            return status;
    }
}

/* ---- the command ------------------------------------------------------------------ */

struct normalize {
    struct line_reader reader;
    struct pool pool;
    unsigned steps;
    bool refused;
};

static void answer(struct normalize *normalize, const struct line *line)
{
    struct span sku;
    enum reason reason = REASON_BAD_TEXT;
    pool_reset(&normalize->pool);
    if (!line->too_long)
        reason = sku_normalise(line->text, normalize->steps, &normalize->pool, &sku);
    if (reason != REASON_NONE) {
        normalize->refused = true;
        printf("! %s\n", reason_code(reason));
        return;
    }
    (void)fwrite(sku.bytes, 1, sku.length, stdout);
    (void)putchar('\n');
}

static enum status answer_all(struct normalize *normalize, struct error *error)
{
    struct line line;
    for (;;) {
        enum status status = reader_next(&normalize->reader, &line, error);
        if (status != STATUS_OK)
            return status;
        if (!line.exists)
            break;
        answer(normalize, &line);
    }
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return error_set(error, STATUS_RETRY, "cannot write to standard output");
    return STATUS_OK;
}

static enum status read_steps(const struct config *config, unsigned *steps_out,
                              struct error *error)
{
    *steps_out = SKU_ALL_STEPS;
    if (config->contract_path == NULL || config->contract_path[0] == '\0')
        return STATUS_OK;
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    enum status status =
        contract_file_load(config->contract_path, &text, &contract, error);
    if (status == STATUS_OK)
        *steps_out = contract->sku_steps;
    return status;
}

static void release(struct normalize **slot)
{
    if (*slot == NULL)
        return;
    pool_free(&(*slot)->pool);
    free(*slot);
    *slot = NULL;
}

static enum status run(const struct config *config, bool *refused_out,
                       struct error *error)
{
    SCOPED(release) struct normalize *normalize = calloc(1, sizeof(*normalize));
    if (normalize == NULL) {
        (void)error_set(error, STATUS_RETRY, "out of memory");
        return error_exit(error, EXIT_INTERNAL);
    }
    pool_init(&normalize->pool, (size_t)1 << 20);
    enum status status = read_steps(config, &normalize->steps, error);
    if (status == STATUS_OK)
        status = answer_all(normalize, error);
    *refused_out = normalize->refused;
    return status;
}

int normalize_main(int argc, char **argv)
{
    struct config config;
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct error error;
    bool refused = false;
    if (config_parse(&SPEC, &parsed, &config, NULL, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (parsed.first < argc) {
        (void)error_set(&error, STATUS_REJECT, "%s is not understood: SKUs come from %s",
                        argv[parsed.first], "standard input");
        (void)error_exit(&error, EXIT_USAGE);
        return config_fail(&SPEC, &error);
    }
    if (run(&config, &refused, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return refused ? EXIT_DATA : 0;
}
