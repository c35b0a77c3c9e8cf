/*
 * The one table of common settings, for the files config*.c only. A row says where the
 * setting comes from, what it may be, and what the help says of it.
 */
#ifndef PARSTOCK_RUNTIME_CONFIG_TABLE_H
#define PARSTOCK_RUNTIME_CONFIG_TABLE_H

#include "common/runtime/config.h"

#define CONFIG_ALWAYS 0x80000000u /* a setting that every command takes */

enum setting_check {
    CHECK_ANY,
    CHECK_TOPIC_PREFIX,
    CHECK_IDENTIFIER,
    CHECK_OUTPUT,
    CHECK_WEB_ADDRESS,
    CHECK_OTLP_ADDRESS,
};

struct setting {
    const char *variable; /* NULL: a flag only */
    const char *flag;     /* without "--" */
    char letter;          /* short form, or 0 */
    enum flag_kind kind;
    enum setting_check check;
    bool secret; /* NAME_FILE is read too */
    unsigned uses;
    size_t offset; /* in struct config */
    const char *text_default;
    int64_t integer_default;
    int64_t min;
    int64_t max;
    const char *argument;
    const char *help;
};

extern const struct setting SETTINGS[];
extern const size_t SETTINGS_COUNT;

/* Does the command take this setting? */
bool setting_is_used(const struct setting *setting, const struct command_spec *spec);

/* Puts the text into the struct, or says in `error` why it is no value of this setting;
 * `from` names the variable or flag. */
enum status setting_store(const struct setting *setting, const char *text,
                          const char *from, struct config *config, struct error *error);
void setting_store_default(const struct setting *setting, struct config *config);

/* Memory for texts that live until the process ends. NULL past 4 MiB. */
char *config_keep(struct span text);

/* Reads PARSTOCK_KAFKA__* of the environment into the struct. */
enum status config_kafka_environment(struct config *config, struct error *error);

/* One "name=value" of --kafka-property. */
enum status config_kafka_flag(const char *text, struct config *config,
                              struct error *error);

/* What --help=flags prints: one flag a line, for shell completion. */
void config_flags(const struct command_spec *spec, struct buf *out);

/* PARSTOCK_X for the user's eyes; also for config_secret's errors. */
#define CONFIG_KAFKA_PREFIX "PARSTOCK_KAFKA__"
#define KAFKA_PROPERTY_FLAG "kafka-property"

#endif
