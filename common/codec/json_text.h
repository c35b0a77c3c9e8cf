/*
 * Writing JSON by hand where the shape is fixed: texts escaped, numbers exact, times as
 * RFC 3339. The caller looks at buf.failed at the end.
 */
#ifndef PARSTOCK_CODEC_JSON_TEXT_H
#define PARSTOCK_CODEC_JSON_TEXT_H

#include "common/base/buf.h"

/* A quoted JSON string; UTF-8 passes through, control characters are escaped. An absent
 * text (bytes NULL) becomes null. */
void json_text(struct buf *buf, struct span text);

/* The same of bytes that may be no UTF-8: each byte that is none becomes U+FFFD. */
void json_text_lossy(struct buf *buf, struct span bytes);

void json_number(struct buf *buf, int64_t number);
void json_time(struct buf *buf, int64_t us);

/* `"name":` with a comma before it unless it is the first of its object. */
void json_name(struct buf *buf, const char *name);

/* A whole member: the name and its value. */
void json_member_text(struct buf *buf, const char *name, struct span text);
void json_member_text_lossy(struct buf *buf, const char *name, struct span bytes);
void json_member_number(struct buf *buf, const char *name, int64_t number);
void json_member_number_or_null(struct buf *buf, const char *name, bool present,
                                int64_t number);
void json_member_time(struct buf *buf, const char *name, int64_t us);

#endif
