/*
 * Fields of a form or a query, as browsers send them (application/x-www-form-urlencoded).
 */
#ifndef PARSTOCK_CODEC_FORM_H
#define PARSTOCK_CODEC_FORM_H

#include "common/base/span.h"

/*
 * The value of the first field of that name, decoded into the room from its start; the span
 * is absent where there is no such field. False: it is there and can't be read (a bad escape,
 * or it does not fit).
 */
bool form_field(struct span form, const char *name, char *room, size_t size,
                struct span *value_out);

#endif
