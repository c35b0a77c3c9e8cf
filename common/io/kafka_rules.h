/*
 * Which librdkafka properties an operator may not set, because parstock's exactly-once,
 * order per SKU, or topic layout rests on the value it chose itself; and which ones hold
 * a secret. Pure tables: no foreign header, usable by whoever reads settings.
 */
#ifndef PARSTOCK_IO_KAFKA_RULES_H
#define PARSTOCK_IO_KAFKA_RULES_H

#include <stdbool.h>

/* Why the property may not have this value; NULL where it may. */
const char *kafka_property_refusal(const char *name, const char *value);

/* Does the property belong to the classic protocol of consumer groups alone? */
bool kafka_property_is_classic(const char *name);

/* Does the property's value belong in a file rather than in a flag or an error text? */
bool kafka_property_is_secret(const char *name);

#endif
