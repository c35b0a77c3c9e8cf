/*
 * What the caller of a function that can fail must do next. The names are remedies, not
 * causes: the cause stands in struct error.
 */
#ifndef PARSTOCK_BASE_STATUS_H
#define PARSTOCK_BASE_STATUS_H

enum status {
    STATUS_OK = 0, /* done */
    STATUS_RETRY,  /* the same call may succeed later: wait, then try again */
    STATUS_REJECT, /* this input never will succeed: put it aside and go on */
    STATUS_FATAL,  /* this process must not go on: configuration or a broken promise */
};

#endif
