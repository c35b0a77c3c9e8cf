/*
 * Reads the mapping file that --mapping names.
 */
#ifndef PARSTOCK_WORKERS_IMPORT_MAPPING_H
#define PARSTOCK_WORKERS_IMPORT_MAPPING_H

#include "common/codec/feed_mapping.h"

/* `path` NULL: the default mapping. The caller releases it. STATUS_FATAL, exit code 78. */
enum status import_mapping_load(const char *path, struct feed_mapping **mapping_out,
                                struct error *error);

#endif
