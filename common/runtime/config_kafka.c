#include "common/runtime/config_table.h"

#include "common/io/kafka_rules.h"
#include "common/runtime/log.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#define PROPERTY_NAME_MAX 128
#define FILE_SUFFIX "_FILE"

static enum status kafka_full(struct error *error)
{
    return error_set(error, STATUS_FATAL, "more than %d Kafka properties are set",
                     CONFIG_KAFKA_PROPERTIES_MAX);
}

/* The last value given for a name counts, as with every other flag. */
static struct kafka_setting *kafka_slot(struct config *config, const char *name)
{
    for (size_t i = 0; i < config->kafka_property_count; i++) {
        if (strcmp(config->kafka_properties[i].name, name) == 0)
            return &config->kafka_properties[i];
    }
    if (config->kafka_property_count == CONFIG_KAFKA_PROPERTIES_MAX)
        return NULL;
    return &config->kafka_properties[config->kafka_property_count++];
}

static enum status kafka_add(struct config *config, struct span name, const char *value,
                             struct error *error)
{
    const char *kept = config_keep(name);
    if (kept == NULL)
        return error_set(error, STATUS_FATAL, "no memory for Kafka properties");
    const char *why = kafka_property_refusal(kept, value);
    if (why != NULL)
        return error_set(error, STATUS_FATAL, "Kafka property %s may not be set: %s",
                         kept, why);
    struct kafka_setting *slot = kafka_slot(config, kept);
    if (slot == NULL)
        return kafka_full(error);
    *slot = (struct kafka_setting){.name = kept, .value = value};
    return STATUS_OK;
}

/* SECURITY_PROTOCOL to security.protocol */
static struct span property_name(struct span variable, char *room)
{
    for (size_t i = 0; i < variable.length; i++) {
        unsigned char byte = (unsigned char)variable.bytes[i];
        room[i] = byte == '_' ? '.' : (char)tolower(byte);
    }
    room[variable.length] = '\0';
    return (struct span){.bytes = room, .length = variable.length};
}

/* PARSTOCK_KAFKA__SASL_PASSWORD_FILE names a file; only secrets come that way, because a
 * property's own name may end in ".file". */
static bool is_secret_file(const char *property)
{
    char name[PROPERTY_NAME_MAX + 1];
    size_t length = strlen(property);
    size_t suffix = sizeof(FILE_SUFFIX) - 1;
    if (length <= suffix || strcmp(property + length - suffix, ".file") != 0)
        return false;
    memcpy(name, property, length - suffix);
    name[length - suffix] = '\0';
    return kafka_property_is_secret(name);
}

static enum status kafka_secret(struct config *config, const char *entry,
                                struct span name, struct error *error)
{
    char variable[sizeof(CONFIG_KAFKA_PREFIX) + PROPERTY_NAME_MAX + 1];
    char property[PROPERTY_NAME_MAX + 1];
    const char *value = NULL;
    size_t length = sizeof(CONFIG_KAFKA_PREFIX) - 1 + name.length;
    memcpy(variable, entry, length);
    variable[length] = '\0';
    enum status status = config_secret(variable, &value, error);
    if (status != STATUS_OK || value == NULL)
        return status;
    return kafka_add(config, property_name(name, property), value, error);
}

static enum status kafka_variable(struct config *config, const char *entry,
                                  struct error *error)
{
    char room[PROPERTY_NAME_MAX + 1];
    const char *start = entry + sizeof(CONFIG_KAFKA_PREFIX) - 1;
    const char *equals = strchr(start, '=');
    if (equals == NULL || equals[1] == '\0')
        return STATUS_OK;
    struct span name = {.bytes = start, .length = (size_t)(equals - start)};
    if (name.length == 0 || name.length > PROPERTY_NAME_MAX)
        return error_set(error, STATUS_FATAL, "%.*s is no Kafka property",
                         (int)(equals - entry > 160 ? 160 : equals - entry), entry);
    struct span property = property_name(name, room);
    bool from_file = is_secret_file(room);
    if (from_file)
        name.length -= sizeof(FILE_SUFFIX) - 1;
    if (from_file || kafka_property_is_secret(room))
        return kafka_secret(config, entry, name, error);
    return kafka_add(config, property, equals + 1, error);
}

enum status config_kafka_environment(struct config *config, struct error *error)
{
    for (char **entry = environ; *entry != NULL; entry++) {
        if (strncmp(*entry, CONFIG_KAFKA_PREFIX, sizeof(CONFIG_KAFKA_PREFIX) - 1) != 0)
            continue;
        enum status status = kafka_variable(config, *entry, error);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status config_kafka_flag(const char *text, struct config *config,
                              struct error *error)
{
    const char *equals = strchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text) : 0;
    if (length == 0 || length > PROPERTY_NAME_MAX)
        return error_set(error, STATUS_REJECT,
                         "--" KAFKA_PROPERTY_FLAG " takes NAME=VALUE");
    char name[PROPERTY_NAME_MAX + 1];
    memcpy(name, text, length);
    name[length] = '\0';
    if (kafka_property_is_secret(name))
        return error_set(
            error, STATUS_REJECT,
            "%s is a secret, and flags are seen by every user of the machine: "
            "set " CONFIG_KAFKA_PREFIX "* or its _FILE instead",
            name);
    return kafka_add(config, (struct span){.bytes = text, .length = length}, equals + 1,
                     error);
}

/* Syslog's levels 0 to 7 to ours. The library calls its passing troubles errors. */
static enum log_level kafka_log_level(int level)
{
    if (level <= 3)
        return LOG_LEVEL_WARN;
    return level <= 5 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

static void kafka_log(int level, const char *facility, const char *text)
{
    log_write(
        kafka_log_level(level), "librdkafka",
        LOG_FIELDS(LOG_TEXT("facility", facility), LOG_TEXT("text", text), LOG_END));
}

struct kafka_options config_kafka(const struct config *config, const char *client_id)
{
    return (struct kafka_options){
        .brokers = config->kafka_brokers,
        .settings = config->kafka_properties,
        .setting_count = config->kafka_property_count,
        .client_id = client_id,
        .log = kafka_log,
    };
}
