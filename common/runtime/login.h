/*
 * Who runs this command, for rows that say who asked for something.
 */
#ifndef PARSTOCK_RUNTIME_LOGIN_H
#define PARSTOCK_RUNTIME_LOGIN_H

#include <stddef.h>

#define LOGIN_NAME_MAX_BYTES 201

/* The name of whoever logged in on this terminal, also where they act as another; without
 * one that of the user, or "uid N" where the system has no name for it. */
void login_name(char room[LOGIN_NAME_MAX_BYTES]);

#endif
