#include "common/runtime/config_export.h"

#include "common/base/check.h"
#include "common/io/kafka_rules.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define VARIABLE_MAX 160

static bool set(const char *name, const char *value)
{
    return value == NULL || setenv(name, value, 1) == 0;
}

/* Where the connection string came by a flag, its file must not count any more. */
static bool export_postgres(const char *postgres)
{
    const char *path = getenv("PARSTOCK_POSTGRES_FILE");
    const char *kept = NULL;
    struct error ignored;
    if (path == NULL || path[0] == '\0')
        return set("PARSTOCK_POSTGRES", postgres);
    bool same = config_secret("PARSTOCK_POSTGRES", &kept, &ignored) == STATUS_OK &&
                kept != NULL && strcmp(kept, postgres) == 0;
    return same || (unsetenv("PARSTOCK_POSTGRES_FILE") == 0 &&
                    set("PARSTOCK_POSTGRES", postgres));
}

/* security.protocol to PARSTOCK_KAFKA__SECURITY_PROTOCOL; secrets are there already, for
 * no flag can bring one. */
static bool export_kafka(const struct kafka_setting *setting)
{
    char name[VARIABLE_MAX];
    if (kafka_property_is_secret(setting->name))
        return true;
    int length = snprintf(name, sizeof(name), "PARSTOCK_KAFKA__%s", setting->name);
    ASSERT(length > 0 && (size_t)length < sizeof(name));
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '.' ? '_' : (char)toupper((unsigned char)*at);
    return set(name, setting->value);
}

/* The default stays one: that it is taken ends nobody. */
static bool export_gateway(const struct config *config)
{
    return set("PARSTOCK_GATEWAY_LISTEN",
               config->gateway_listen_asked ? config->gateway_listen : NULL);
}

static bool export_number(const char *variable, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return set(variable, text);
}

static bool export_of_apply(const struct config *config)
{
    return export_number("PARSTOCK_LANES", config->lanes) &&
           export_number("PARSTOCK_KEY_MEMORY_MIB", config->key_memory_mib);
}

static bool export_all(const struct config *config)
{
    bool done = set("PARSTOCK_CONTRACT", config->contract_path) &&
                set("PARSTOCK_KAFKA_BROKERS", config->kafka_brokers) &&
                set("PARSTOCK_GROUP_PREFIX", config->group_prefix) &&
                set("PARSTOCK_TOPIC_PREFIX", config->topic_prefix) &&
                set("PARSTOCK_SCHEMA", config->schema) && export_of_apply(config) &&
                set("PARSTOCK_LOG", config->log_level) &&
                set("PARSTOCK_ADMIN_LISTEN", "127.0.0.1:0") && export_gateway(config) &&
                export_postgres(config->postgres);
    for (size_t i = 0; i < config->kafka_property_count; i++)
        done = done && export_kafka(&config->kafka_properties[i]);
    return done;
}

enum status config_export(const struct config *config, struct error *error)
{
    if (export_all(config))
        return STATUS_OK;
    error_set(error, STATUS_FATAL, "no memory for the environment of the workers");
    return error_exit(error, EXIT_INTERNAL);
}
