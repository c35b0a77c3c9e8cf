/*
 * Ownership, readable at the place where it starts and where it ends.
 *
 *     SCOPED(result_release) PGresult *result = ...;   released when the scope is left
 *     give_away(TAKE(result));                         handed over: the slot is NULL now
 */
#ifndef PARSTOCK_BASE_SCOPE_H
#define PARSTOCK_BASE_SCOPE_H

#define SCOPED(release) __attribute__((cleanup(release)))

/* The value of a pointer slot, leaving NULL behind. */
#define TAKE(slot)                                                                       \
    __extension__({                                                                      \
        __typeof__(slot) taken_ = (slot);                                                \
        (slot) = NULL;                                                                   \
        taken_;                                                                          \
    })

#endif
