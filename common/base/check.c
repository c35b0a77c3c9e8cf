#include "common/base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr,
            "{\"level\":\"error\",\"msg\":\"assertion failed\",\"at\":\"%s:%d\"}\n", file,
            line);
    fprintf(stderr, "parstock: bug: %s\n", what);
    abort();
}
