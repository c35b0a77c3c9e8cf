/*
 * The settings of a command as the environment of the commands that it starts.
 */
#ifndef PARSTOCK_RUNTIME_CONFIG_EXPORT_H
#define PARSTOCK_RUNTIME_CONFIG_EXPORT_H

#include "common/runtime/config.h"

/* Puts what came by flags into this process's environment, where a child finds it, and
 * gives children free admin ports. Call it before there is a second thread. */
enum status config_export(const struct config *config, struct error *error);

#endif
