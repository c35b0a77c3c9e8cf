/*
 * The text beside an enum status. Owned by the caller, filled once by the lowest layer
 * that knows the cause, and printed once by a worker. Holds no secret.
 */
#ifndef PARSTOCK_BASE_ERROR_H
#define PARSTOCK_BASE_ERROR_H

#include "common/base/status.h"

#define ERROR_TEXT_MAX 512

struct error {
    enum status status;
    int exit_code; /* sysexits value for an operator command; 0 = by status */
    char code[48]; /* machine word, e.g. "40P01" or "throttled"; may be empty */
    char text[ERROR_TEXT_MAX]; /* one line for people, with the remedy where there is one
                                */
};

/* Fills the error and returns `status`, so that `return error_set(...)` reads well. */
enum status error_set(struct error *error, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a machine-readable code beside the text. */
enum status error_set_code(struct error *error, enum status status, const char *code,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Sets the exit code (sysexits) that an operator command should end with. */
enum status error_exit(struct error *error, int exit_code);

/* What was asked for can't be done as it was said: STATUS_REJECT and this exit code. */
enum status error_refuse(struct error *error, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with EXIT_USAGE. */
enum status error_usage(struct error *error, const char *text);

#define EXIT_FOUND 1        /* a check found something */
#define EXIT_USAGE 64       /* wrong use of a command */
#define EXIT_DATA 65        /* bad input data */
#define EXIT_UNAVAILABLE 69 /* a service is unavailable */
#define EXIT_INTERNAL 70    /* internal error */
#define EXIT_AGAIN 75       /* try again later */
#define EXIT_NOT_ALLOWED 77 /* not allowed */
#define EXIT_CONFIG 78      /* configuration */

/* The exit code for an error that reached main. */
int error_exit_code(const struct error *error);

#endif
