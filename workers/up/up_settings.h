/*
 * The settings of 'up' as the environment of its workers.
 */
#ifndef PARSTOCK_WORKERS_UP_SETTINGS_H
#define PARSTOCK_WORKERS_UP_SETTINGS_H

#include "common/runtime/config.h"

/* Puts what came by flags into this process's environment, where the workers find it, and
 * gives them free admin ports. Call it before there is a second thread. */
enum status up_export(const struct config *config, struct error *error);

#endif
