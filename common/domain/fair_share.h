/*
 * Room shared by owners who do not know of each other: nobody may have more than what is
 * still free beside it. One alone gets half of the room, two get a third each, and whoever
 * comes next always finds some free; no shares are set beforehand and none lies idle.
 */
#ifndef PARSTOCK_DOMAIN_FAIR_SHARE_H
#define PARSTOCK_DOMAIN_FAIR_SHARE_H

#include <stdbool.h>
#include <stddef.h>

struct share_use {
    size_t total; /* the room */
    size_t used;  /* by all owners */
    size_t own;   /* by this one, part of `used` */
};

enum share_answer {
    SHARE_GRANTED,
    SHARE_FULL,    /* nothing is left for anybody */
    SHARE_EXCEEDED /* this owner has its share: others may still come */
};

enum share_answer share_ask(const struct share_use *use, size_t amount);

#endif
