#include "common/codec/feed_cell.h"

#include <stdlib.h>

int feed_value_compare(const void *left, const void *right)
{
    const struct feed_value *a = left;
    const struct feed_value *b = right;
    return span_compare(a->value, b->value);
}

bool feed_value_of(const struct feed_field *field, struct span cell,
                   struct span *means_out)
{
    *means_out = cell;
    if (field->value_count == 0)
        return true;
    const struct feed_value wanted = {.value = cell};
    const struct feed_value *found = bsearch(&wanted, field->values, field->value_count,
                                             sizeof(wanted), feed_value_compare);
    if (found != NULL)
        *means_out = found->means;
    return found != NULL || field->keeps_others || cell.length == 0;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool feed_is_integer(struct span text)
{
    size_t at = text.length > 0 && text.bytes[0] == '-' ? 1 : 0;
    size_t digits = text.length - at;
    if (digits == 0 || (digits > 1 && text.bytes[at] == '0'))
        return false;
    for (; at < text.length; at++)
        if (!is_digit(text.bytes[at]))
            return false;
    return true;
}

/* Cuts ".00" off: a fraction that says nothing. False: it says something, or is empty. */
static bool cut_fraction(const struct feed_number *number, struct span *text)
{
    const char *mark = number->fraction != 0 && text->length > 0
                           ? memchr(text->bytes, number->fraction, text->length)
                           : NULL;
    if (mark == NULL)
        return true;
    size_t whole = (size_t)(mark - text->bytes);
    for (size_t at = whole + 1; at < text->length; at++)
        if (text->bytes[at] != '0')
            return false;
    bool has_digits = text->length > whole + 1;
    text->length = whole;
    return has_digits;
}

/* Groups of three behind the first, which has one to three digits; or no groups at all. */
static bool copy_digits(const struct feed_number *number, struct span text, char *room,
                        size_t *length)
{
    size_t since = 0; /* digits since the last separator */
    bool grouped = false;
    for (size_t at = 0; at < text.length; at++) {
        char byte = text.bytes[at];
        if (is_digit(byte)) {
            room[(*length)++] = byte;
            since++;
            continue;
        }
        bool fits = number->thousands != 0 && byte == number->thousands;
        if (!fits || since == 0 || since > 3 || (grouped && since != 3))
            return false;
        grouped = true;
        since = 0;
    }
    return grouped ? since == 3 : since > 0;
}

/* Takes the sign off the cell; the minus goes into the room. */
static size_t take_sign(const struct feed_number *number, struct span *cell, char *room)
{
    bool is_behind = number->minus_behind && cell->bytes[cell->length - 1] == '-';
    bool is_before = !is_behind && cell->bytes[0] == '-';
    if (is_behind)
        cell->length--;
    if (is_before || (!is_behind && number->allows_plus && cell->bytes[0] == '+')) {
        cell->bytes++;
        cell->length--;
    }
    if (is_before || is_behind)
        room[0] = '-';
    return is_before || is_behind;
}

bool feed_number_read(const struct feed_number *number, struct span cell,
                      char room[FEED_NUMBER_MAX], struct span *integer_out)
{
    *integer_out = cell;
    if (!number->is_given)
        return true;
    if (cell.length == 0 || cell.length >= FEED_NUMBER_MAX)
        return false;
    size_t length = take_sign(number, &cell, room);
    if (!cut_fraction(number, &cell) || !copy_digits(number, cell, room, &length))
        return false;
    *integer_out = (struct span){room, length};
    return true;
}
