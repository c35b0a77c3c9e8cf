#include "common/runtime/desk.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <pthread.h>
#include <stdlib.h>

#define CREW 4

/* The requests of one source, in the order in which they came. */
struct tray {
    struct web_request *first;
    struct web_request *last;
    bool in_turn;
};

struct desk {
    struct desk_work work;
    pthread_t crew[CREW];
    void *rooms[CREW];
    int started;
    int next_room;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool ending;
    struct tray trays[WEB_OWNERS_MAX];
    int turns[WEB_OWNERS_MAX]; /* a ring: trays that are not empty */
    size_t turn_first;
    size_t turn_count;
};

static void join_turns(struct desk *desk, int owner)
{
    ASSERT(desk->turn_count < WEB_OWNERS_MAX);
    desk->turns[(desk->turn_first + desk->turn_count++) % WEB_OWNERS_MAX] = owner;
}

/* One request of the source whose turn it is, which then goes to the end of the ring. */
static struct web_request *take(struct desk *desk)
{
    int owner = desk->turns[desk->turn_first];
    struct tray *tray = &desk->trays[owner];
    struct web_request *request = tray->first;
    desk->turn_first = (desk->turn_first + 1) % WEB_OWNERS_MAX;
    desk->turn_count--;
    tray->first = request->next;
    tray->in_turn = tray->first != NULL;
    if (tray->in_turn)
        join_turns(desk, owner);
    else
        tray->last = NULL;
    return request;
}

static struct web_request *wait_for_one(struct desk *desk)
{
    struct web_request *request = NULL;
    (void)pthread_mutex_lock(&desk->lock);
    while (desk->turn_count == 0 && !desk->ending)
        (void)pthread_cond_wait(&desk->news, &desk->lock);
    if (desk->turn_count > 0)
        request = take(desk);
    (void)pthread_mutex_unlock(&desk->lock);
    return request;
}

static void *run(void *self)
{
    struct desk *desk = self;
    (void)pthread_mutex_lock(&desk->lock);
    void *room = desk->rooms[desk->next_room++];
    (void)pthread_mutex_unlock(&desk->lock);
    for (;;) {
        struct web_request *request = wait_for_one(desk);
        if (request == NULL)
            return NULL;
        desk->work.work(desk->work.self, room, request);
    }
}

enum status desk_open(const struct desk_work *work, struct desk **out,
                      struct error *error)
{
    SCOPED(desk_close) struct desk *desk = calloc(1, sizeof(*desk));
    if (desk == NULL)
        return error_set(error, STATUS_RETRY, "desk: out of memory");
    desk->work = *work;
    (void)pthread_mutex_init(&desk->lock, NULL);
    (void)pthread_cond_init(&desk->news, NULL);
    for (int at = 0; at < CREW; at++) {
        desk->rooms[at] = work->open_room(work->self);
        if (desk->rooms[at] == NULL)
            return error_set(error, STATUS_RETRY, "desk: out of memory");
    }
    while (desk->started < CREW &&
           pthread_create(&desk->crew[desk->started], NULL, run, desk) == 0)
        desk->started++;
    if (desk->started < CREW)
        return error_set(error, STATUS_RETRY, "desk: cannot start a thread");
    *out = TAKE(desk);
    return STATUS_OK;
}

void desk_put(struct desk *desk, struct web_request *request)
{
    ASSERT(request->owner >= 0 && request->owner < WEB_OWNERS_MAX);
    request->next = NULL;
    (void)pthread_mutex_lock(&desk->lock);
    struct tray *tray = &desk->trays[request->owner];
    if (tray->last != NULL)
        tray->last->next = request;
    else
        tray->first = request;
    tray->last = request;
    if (!tray->in_turn)
        join_turns(desk, request->owner);
    tray->in_turn = true;
    (void)pthread_cond_signal(&desk->news);
    (void)pthread_mutex_unlock(&desk->lock);
}

void desk_close(struct desk **slot)
{
    struct desk *desk = TAKE(*slot);
    if (desk == NULL)
        return;
    (void)pthread_mutex_lock(&desk->lock);
    desk->ending = true;
    (void)pthread_cond_broadcast(&desk->news);
    (void)pthread_mutex_unlock(&desk->lock);
    for (int at = 0; at < desk->started; at++)
        (void)pthread_join(desk->crew[at], NULL);
    for (int at = 0; at < CREW; at++)
        if (desk->rooms[at] != NULL)
            desk->work.close_room(desk->rooms[at]);
    (void)pthread_cond_destroy(&desk->news);
    (void)pthread_mutex_destroy(&desk->lock);
    free(desk);
}
