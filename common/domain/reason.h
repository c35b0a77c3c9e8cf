/*
 * Why an event is rejected: the codes of the outside interface, in the order in which the
 * first that fits is taken. Source: outside interface, section 1.
 */
#ifndef PARSTOCK_DOMAIN_REASON_H
#define PARSTOCK_DOMAIN_REASON_H

#define REASONS(X)                                                                       \
    X(NONE, "ok")                                                                        \
    X(EMPTY_VALUE, "empty_value")                                                        \
    X(TOO_LARGE, "too_large")                                                            \
    X(NOT_UTF8, "not_utf8")                                                              \
    X(NOT_JSON, "not_json")                                                              \
    X(NOT_AN_OBJECT, "not_an_object")                                                    \
    X(REPEATED_KEY, "repeated_key")                                                      \
    X(TOO_DEEP, "too_deep")                                                              \
    X(MISSING_FIELD, "missing_field")                                                    \
    X(WRONG_TYPE, "wrong_type")                                                          \
    X(OUT_OF_RANGE, "out_of_range")                                                      \
    X(BAD_TEXT, "bad_text")                                                              \
    X(UNKNOWN_TYPE, "unknown_type")                                                      \
    X(UNKNOWN_SOURCE, "unknown_source")                                                  \
    X(UNKNOWN_LOCATION, "unknown_location")                                              \
    X(BAD_TIMESTAMP, "bad_timestamp")                                                    \
    X(FUTURE_TIMESTAMP, "future_timestamp")                                              \
    X(BAD_SKU, "bad_sku")                                                                \
    X(ID_REUSED, "id_reused")                                                            \
    X(LEVEL_OUT_OF_RANGE, "level_out_of_range")                                          \
    X(TOO_OLD, "too_old")

enum reason {
#define X(name, text) REASON_##name,
    REASONS(X)
#undef X
        REASON_COUNT
};

/* The code as the outside interface writes it, e.g. "bad_sku". */
const char *reason_code(enum reason reason);

/* What the producer can do about it, one sentence. */
const char *reason_remedy(enum reason reason);

#endif
