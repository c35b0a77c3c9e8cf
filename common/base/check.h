/*
 * Assertions for bugs. They are live in production: a process that has broken its own
 * promise stops before it writes a wrong number. Weather (input, network, database) is
 * never asserted; it is an enum status.
 */
#ifndef PARSTOCK_BASE_CHECK_H
#define PARSTOCK_BASE_CHECK_H

/* Prints one JSON line to stderr and aborts. */
_Noreturn void check_failed(const char *file, int line, const char *what);

#define ASSERT(condition)                                                                \
    ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

#define UNREACHABLE(why) check_failed(__FILE__, __LINE__, "unreachable: " why)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
