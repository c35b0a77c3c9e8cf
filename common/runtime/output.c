#include "common/runtime/output.h"

#include "common/base/check.h"

enum status output_parse(const struct config *config, enum output *output_out,
                         struct error *error)
{
    static const struct {
        const char *name;
        enum output output;
    } OUTPUTS[] = {{"", OUTPUT_TABLE},
                   {"table", OUTPUT_TABLE},
                   {"json", OUTPUT_JSON},
                   {"jsonl", OUTPUT_JSONL}};
    struct span wanted = span_from(config->output != NULL ? config->output : "");
    for (size_t at = 0; at < COUNT_OF(OUTPUTS); at++) {
        if (span_is(wanted, OUTPUTS[at].name)) {
            *output_out = OUTPUTS[at].output;
            return STATUS_OK;
        }
    }
    (void)error_set(error, STATUS_REJECT, "-o %s: use table, json or jsonl",
                    config->output);
    return error_exit(error, EXIT_USAGE);
}
