/*
 * Bytes from outside, made fit for a terminal: nothing of them can move the cursor, change a
 * colour or turn the direction of writing. One line, whatever they are.
 */
#ifndef PARSTOCK_CODEC_PRINTABLE_H
#define PARSTOCK_CODEC_PRINTABLE_H

#include "common/base/buf.h"

/*
 * UTF-8 passes through; control characters, those that turn the direction of writing or
 * part lines, and bytes that are no UTF-8 become \n, \t, \xHH or \u{HEX}; a backslash is
 * doubled. At most `most` characters are written, then "..." says that there is more.
 */
void printable_add(struct buf *out, struct span bytes, size_t most);

/* Two lower-case digits a byte. */
void hex_add(struct buf *out, struct span bytes);

#endif
