#include "common/runtime/login.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#define ENTRY_BYTES 4096

void login_name(char room[LOGIN_NAME_MAX_BYTES])
{
    char bytes[ENTRY_BYTES];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getlogin_r(room, LOGIN_NAME_MAX_BYTES) == 0 && room[0] != '\0')
        return;
    if (getpwuid_r(geteuid(), &entry, bytes, sizeof bytes, &found) == 0 && found != NULL)
        (void)snprintf(room, LOGIN_NAME_MAX_BYTES, "%s", found->pw_name);
    else
        (void)snprintf(room, LOGIN_NAME_MAX_BYTES, "uid %ld", (long)geteuid());
}
