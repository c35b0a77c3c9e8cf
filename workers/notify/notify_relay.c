#include "workers/notify/notify.h"

#include "common/base/scope.h"
#include "common/runtime/incident_relay.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"

#define IDLE_MS 50
#define WAIT_MS 10000

struct relaying {
    const struct notify *notify;
    struct postgres *postgres;
    struct incident_relay *relay;
    int tries;
};

static enum status step(struct relaying *self, size_t *sent, struct error *error)
{
    const struct postgres_options options = {.dsn = self->notify->config->postgres,
                                             .schema = self->notify->config->schema,
                                             .application_name = "parstock notify"};
    enum status status = STATUS_OK;
    if (self->postgres == NULL)
        status = postgres_open(&options, &self->postgres, error);
    if (status == STATUS_OK && self->relay == NULL)
        status = incident_relay_open(self->notify->config, "parstock-notify",
                                     &self->relay, error);
    if (status == STATUS_OK)
        status = incident_relay_step(self->relay, self->postgres, WAIT_MS, sent, error);
    return status;
}

void *notify_relay(void *notify)
{
    struct relaying self = {.notify = notify};
    while (!life_ending()) {
        struct error error = {0};
        size_t sent = 0;
        if (step(&self, &sent, &error) == STATUS_OK) {
            self.tries = 0;
            if (sent == 0)
                life_wait_ms(IDLE_MS);
            continue;
        }
        log_write(self.tries == 0 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
                  "incidents wait to be told",
                  LOG_FIELDS(LOG_TEXT("code", error.code), LOG_TEXT("error", error.text),
                             LOG_END));
        if (self.postgres != NULL && !postgres_alive(self.postgres))
            postgres_close(&self.postgres);
        life_back_off(&self.tries);
    }
    incident_relay_close(&self.relay);
    postgres_close(&self.postgres);
    return NULL;
}
