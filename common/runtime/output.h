/*
 * How a command prints: -o table, json or jsonl; without it a table on a terminal and plain
 * text elsewhere.
 */
#ifndef PARSTOCK_RUNTIME_OUTPUT_H
#define PARSTOCK_RUNTIME_OUTPUT_H

#include "common/runtime/config.h"

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSONL };

/* STATUS_REJECT (exit 64) on a word that is none of the three. */
enum status output_parse(const struct config *config, enum output *output_out,
                         struct error *error);

#endif
