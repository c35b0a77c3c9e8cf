/*
 * Fields of a form, and cookies, of any bytes: a value fits its room or is refused, and no
 * bytes but those that were signed are a session.
 */
#include "common/base/check.h"
#include "common/codec/form.h"
#include "common/codec/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {(const char *)data, size};
    struct span value;
    struct session session;
    char room[64];
    if (form_field(bytes, "form", room, sizeof(room), &value) && value.bytes != NULL)
        ASSERT(value.bytes == room && value.length <= sizeof(room));
    struct span cookie = cookie_value(bytes, "c");
    ASSERT(cookie.bytes == NULL || (cookie.bytes >= bytes.bytes &&
                                    cookie.bytes + cookie.length <= bytes.bytes + size));
    ASSERT(cookie.length == 0 || memchr(cookie.bytes, ';', cookie.length) == NULL);
    ASSERT(!session_read(SPAN_OF("a secret"), cookie, 0, &session));
    ASSERT(!session_read(SPAN_OF("a secret"), bytes, 0, &session));
    return 0;
}
