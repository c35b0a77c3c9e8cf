#include "common/codec/json_lines.h"

/* The rest of a line that was too long; false: it goes on. */
static bool skip_rest(struct json_lines *lines, struct text_window *window)
{
    size_t length = text_window_line(window);
    if (length == 0) {
        text_window_take(window, text_window_view(window).length, 0);
        return window->ended;
    }
    text_window_take(window, length, 1);
    lines->skipping = false;
    return true;
}

static bool is_blank(struct span text)
{
    for (size_t at = 0; at < text.length; at++)
        if (text.bytes[at] != ' ' && text.bytes[at] != '\t')
            return false;
    return true;
}

/* The line at the front; false: its end has not come yet. */
static bool take_line(struct json_lines *lines, struct text_window *window,
                      struct json_line *line)
{
    struct span view = text_window_view(window);
    size_t length = text_window_line(window);
    *line = (struct json_line){.line = window->line};
    if (length == 0 && view.length <= TEXT_RECORD_MAX)
        return false;
    line->too_long = length == 0 || length > TEXT_RECORD_MAX;
    lines->skipping = length == 0;
    line->text = (struct span){view.bytes, length == 0 ? TEXT_RECORD_MAX : length};
    text_window_take(window, length == 0 ? view.length : length, length > 0);
    line->text = text_line_content(line->text);
    return true;
}

enum text_step json_lines_next(struct json_lines *lines, struct text_window *window,
                               struct json_line *line_out)
{
    if (lines->skipping && !skip_rest(lines, window))
        return TEXT_STEP_MORE;
    while (text_window_view(window).length > 0) {
        if (!take_line(lines, window, line_out))
            return TEXT_STEP_MORE;
        if (!is_blank(line_out->text))
            return TEXT_STEP_RECORD;
    }
    return window->ended ? TEXT_STEP_END : TEXT_STEP_MORE;
}
