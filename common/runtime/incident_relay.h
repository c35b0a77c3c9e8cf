/*
 * Tells the broker what stands in the table incident_outbox: a page a step, in order, by one
 * process at a time, removed only once the broker has it. A kill between the two tells it
 * again, with the same ce_id. Whoever changes incidents may run it; notify always does.
 */
#ifndef PARSTOCK_RUNTIME_INCIDENT_RELAY_H
#define PARSTOCK_RUNTIME_INCIDENT_RELAY_H

#include "common/io/postgres.h"
#include "common/runtime/config.h"

struct incident_relay; /* of one thread */

/* `config` and `client_id` must outlive it. STATUS_FATAL: a wrong setting of Kafka. */
enum status incident_relay_open(const struct config *config, const char *client_id,
                                struct incident_relay **out, struct error *error);
void incident_relay_close(struct incident_relay **slot);

/*
 * Sends a page, waits up to `wait_ms` for the broker, and removes it. *sent_out: how many;
 * 0 = nothing is there, or another process is at it. STATUS_RETRY: what was not taken stays
 * in the table; the connection may be gone (postgres_alive).
 */
enum status incident_relay_step(struct incident_relay *relay, struct postgres *postgres,
                                int wait_ms, size_t *sent_out, struct error *error);

#endif
