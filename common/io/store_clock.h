/*
 * The database server's clock, against which a machine's own is compared.
 */
#ifndef PARSTOCK_IO_STORE_CLOCK_H
#define PARSTOCK_IO_STORE_CLOCK_H

#include "common/io/postgres.h"

/* Microseconds since 1970. */
enum status store_clock_us(struct postgres *postgres, int64_t *now_us_out,
                           struct error *error);

#endif
