#include "common/domain/fair_share.h"

enum share_answer share_ask(const struct share_use *use, size_t amount)
{
    size_t left = use->total > use->used ? use->total - use->used : 0;
    if (amount > left)
        return use->own > left ? SHARE_EXCEEDED : SHARE_FULL;
    return use->own + amount > left ? SHARE_EXCEEDED : SHARE_GRANTED;
}
