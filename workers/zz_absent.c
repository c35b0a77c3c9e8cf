/*
 * Weak entry points, so that the program links before every command has its directory.
 * The linker takes a real one wherever it exists (this file sorts last in the archive).
 * Once every directory is there this file has no purpose and is deleted.
 */
#include "workers/commands.h"

#include "common/base/error.h"

#include <stdio.h>

static int absent(char **argv)
{
    fprintf(stderr, "parstock %s: not part of this build\n", argv[0]);
    return EXIT_INTERNAL;
}

#define ABSENT(name)                                                                     \
    __attribute__((weak)) int name(int argc, char **argv)                                \
    {                                                                                    \
        (void)argc;                                                                      \
        return absent(argv);                                                             \
    }

ABSENT(apply_main)
ABSENT(audit_main)
ABSENT(catalog_main)
ABSENT(dev_broker_main)
ABSENT(doctor_main)
ABSENT(levels_main)
ABSENT(migrate_main)
ABSENT(normalize_main)
ABSENT(push_main)
ABSENT(topics_main)
ABSENT(up_main)
