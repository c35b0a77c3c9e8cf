#include "common/codec/markdown.h"

#define FENCE_MIN 3
#define HEADING_MAX 6

struct reader {
    const struct markdown_visitor *visitor;
    int64_t line;
    char fence; /* '`' or '~' inside fenced code; 0 = outside */
    bool in_comment;
};

static size_t run_of(struct span text, size_t at, char wanted)
{
    size_t end = at;
    while (end < text.length && text.bytes[end] == wanted)
        end++;
    return end - at;
}

static struct span cut(struct span text, size_t from, size_t to)
{
    return (struct span){text.bytes + from, to - from};
}

static struct span trim(struct span text)
{
    while (text.length > 0 && (*text.bytes == ' ' || *text.bytes == '\t'))
        text = cut(text, 1, text.length);
    while (text.length > 0 &&
           (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* The place of `wanted` from `at` on; text.length where there is none. */
static size_t find(struct span text, size_t at, char wanted)
{
    while (at < text.length && text.bytes[at] != wanted)
        at++;
    return at;
}

static bool starts(struct span text, size_t at, struct span wanted)
{
    return at + wanted.length <= text.length &&
           memcmp(text.bytes + at, wanted.bytes, wanted.length) == 0;
}

static size_t find_text(struct span text, size_t at, struct span wanted)
{
    while (at < text.length && !starts(text, at, wanted))
        at++;
    return at;
}

/* ---- links of a line ------------------------------------------------------------------ */

static void tell(struct reader *reader, struct span target, bool from_root)
{
    const struct markdown_link link = {target, reader->line, from_root};
    if (target.length > 0)
        reader->visitor->link(reader->visitor->self, &link);
}

static bool is_page_path(struct span code)
{
    static const char PREFIX[] = "docs/";
    size_t end = find(code, 0, '#');
    return end > sizeof PREFIX + 2 &&
           memcmp(code.bytes, PREFIX, sizeof PREFIX - 1) == 0 &&
           memcmp(code.bytes + end - 3, ".md", 3) == 0 &&
           find(code, 0, ' ') == code.length && find(code, 0, '*') == code.length &&
           find(code, 0, '<') == code.length;
}

/* Code in ticks; returns the place behind it. */
static size_t read_code(struct reader *reader, struct span line, size_t at)
{
    size_t ticks = run_of(line, at, '`');
    size_t begin = at + ticks;
    for (size_t end = find(line, begin, '`'); end < line.length;
         end = find(line, end, '`')) {
        size_t closing = run_of(line, end, '`');
        if (closing == ticks) {
            struct span code = trim(cut(line, begin, end));
            if (is_page_path(code))
                tell(reader, code, true);
            return end + closing;
        }
        end += closing;
    }
    return begin;
}

/* "](target "title")" from the bracket on; returns the place behind it. */
static size_t read_target(struct reader *reader, struct span line, size_t at)
{
    size_t depth = 1;
    size_t begin = at + 2;
    size_t end = begin;
    for (; end < line.length && depth > 0; end++)
        depth += line.bytes[end] == '(' ? 1 : line.bytes[end] == ')' ? (size_t)-1 : 0;
    if (depth > 0)
        return begin;
    struct span target = trim(cut(line, begin, end - 1));
    bool is_angled = target.length > 1 && target.bytes[0] == '<';
    target = is_angled ? cut(target, 1, find(target, 0, '>'))
                       : cut(target, 0, find(target, 0, ' '));
    tell(reader, target, false);
    return end;
}

/* "[name]: target" */
static bool read_definition(struct reader *reader, struct span line)
{
    struct span text = trim(line);
    size_t close = find(text, 0, ']');
    if (text.length == 0 || text.bytes[0] != '[' || close + 1 >= text.length ||
        text.bytes[close + 1] != ':')
        return false;
    struct span target = trim(cut(text, close + 2, text.length));
    target.length = find(target, 0, ' ');
    tell(reader, target, false);
    return true;
}

static void read_inline(struct reader *reader, struct span line)
{
    static const struct span OPEN = {"<!--", 4};
    static const struct span CLOSE = {"-->", 3};
    for (size_t at = 0; at < line.length;) {
        if (reader->in_comment) {
            size_t end = find_text(line, at, CLOSE);
            reader->in_comment = end == line.length;
            at = reader->in_comment ? end : end + CLOSE.length;
        } else if (line.bytes[at] == '\\') {
            at += 2;
        } else if (line.bytes[at] == '`') {
            at = read_code(reader, line, at);
        } else if (line.bytes[at] == ']' && at + 1 < line.length &&
                   line.bytes[at + 1] == '(') {
            at = read_target(reader, line, at);
        } else if (starts(line, at, OPEN)) {
            reader->in_comment = true;
            at += OPEN.length;
        } else {
            at++;
        }
    }
}

/* ---- lines ---------------------------------------------------------------------------- */

/* True where the line opens, closes or lies in fenced code. */
static bool read_fence(struct reader *reader, struct span line)
{
    struct span text = trim(line);
    char first = text.length > 0 ? text.bytes[0] : ' ';
    bool is_fence = (first == '`' || first == '~') && run_of(text, 0, first) >= FENCE_MIN;
    if (reader->fence != 0) {
        if (is_fence && first == reader->fence)
            reader->fence = 0;
        return true;
    }
    if (is_fence)
        reader->fence = first;
    return is_fence;
}

static bool read_heading(const struct reader *reader, struct span line)
{
    size_t level = run_of(line, 0, '#');
    if (level == 0 || level > HEADING_MAX || level >= line.length ||
        line.bytes[level] != ' ')
        return false;
    reader->visitor->heading(reader->visitor->self, trim(cut(line, level, line.length)),
                             (int)level);
    return true;
}

static void read_line(struct reader *reader, struct span line)
{
    if (line.length > 0 && line.bytes[line.length - 1] == '\r')
        line.length--;
    reader->line++;
    if (reader->in_comment) {
        read_inline(reader, line);
        return;
    }
    if (read_fence(reader, line) || read_definition(reader, line))
        return;
    (void)read_heading(reader, line);
    read_inline(reader, line);
}

void markdown_read(struct span text, const struct markdown_visitor *visitor)
{
    struct reader reader = {.visitor = visitor};
    for (size_t at = 0; at < text.length;) {
        size_t end = find(text, at, '\n');
        read_line(&reader, cut(text, at, end));
        at = end + 1;
    }
}

void markdown_anchor(struct span heading, struct buf *out)
{
    for (size_t at = 0; at < heading.length; at++) {
        char sign = heading.bytes[at];
        bool is_kept = (sign >= 'a' && sign <= 'z') || (sign >= '0' && sign <= '9') ||
                       sign == '-' || sign == '_' || (unsigned char)sign >= 0x80;
        if (sign >= 'A' && sign <= 'Z')
            buf_byte(out, (char)(sign - 'A' + 'a'));
        else if (sign == ' ')
            buf_byte(out, '-');
        else if (is_kept)
            buf_byte(out, sign);
    }
}

/* ---- where links lead ----------------------------------------------------------------- */

bool markdown_is_outside(struct span target)
{
    size_t colon = find(target, 0, ':');
    return (colon < target.length && find(target, 0, '/') > colon &&
            find(target, 0, '#') > colon) ||
           starts(target, 0, SPAN_OF("//"));
}

/* The last "/x" is taken off; false: there is none. */
static bool go_up(struct buf *out)
{
    if (out->length == 0)
        return false;
    size_t slash = out->length;
    while (slash > 0 && out->bytes[slash - 1] != '/')
        slash--;
    out->length = slash > 0 ? slash - 1 : 0;
    out->bytes[out->length] = '\0';
    return true;
}

static bool add_step(struct span step, struct buf *out)
{
    if (step.length == 0 || span_is(step, "."))
        return true;
    if (span_is(step, ".."))
        return go_up(out);
    if (out->length > 0)
        buf_byte(out, '/');
    buf_span(out, step);
    return !out->failed;
}

bool markdown_resolve(struct span page, struct span target, struct buf *out)
{
    struct span path = cut(target, 0, find(target, 0, '#'));
    size_t folder = page.length;
    while (folder > 0 && page.bytes[folder - 1] != '/')
        folder--;
    buf_clear(out);
    if (path.length == 0)
        buf_span(out, page); /* an anchor of the page itself */
    else if (path.bytes[0] != '/' && folder > 0)
        buf_span(out, cut(page, 0, folder - 1));
    for (size_t at = 0; at < path.length;) {
        size_t end = find(path, at, '/');
        if (!add_step(cut(path, at, end), out))
            return false;
        at = end + 1;
    }
    return !out->failed && out->length > 0;
}
