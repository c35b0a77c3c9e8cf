#include "common/domain/outbox.h"

#include "common/base/check.h"

const char *outbox_topic(enum outbox_kind kind)
{
    switch (kind) {
    case OUTBOX_REKEYED:
        return "stock-changes";
    case OUTBOX_DEAD_LETTER:
        return "dead-letters";
    case OUTBOX_LEVEL:
        return "levels";
    case OUTBOX_INCIDENT:
        return "incidents";
    }
    UNREACHABLE("every kind has its topic");
}
