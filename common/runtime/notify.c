#include "common/runtime/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 256

/* Length of the address; 0 where the name is none. */
static socklen_t notify_address(const char *name, struct sockaddr_un *address)
{
    size_t length = strlen(name);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length < 2 || length >= sizeof(address->sun_path))
        return 0;
    memcpy(address->sun_path, name, length);
    if (name[0] == '@') /* abstract: a name without a file */
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

void notify_ready(bool ready)
{
    const char *name = getenv("NOTIFY_SOCKET");
    const char *message = ready ? "READY=1" : "X_READY=0";
    struct sockaddr_un address;
    socklen_t length = name != NULL ? notify_address(name, &address) : 0;
    if (length == 0)
        return;
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0)
        return;
    /* A supervisor that is gone or does not listen is no trouble of ours. */
    (void)sendto(file, message, strlen(message), MSG_NOSIGNAL,
                 (struct sockaddr *)&address, length);
    (void)close(file);
}

static int notify_bind(const char *name)
{
    struct sockaddr_un address;
    socklen_t length = notify_address(name, &address);
    int on = 1;
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0)
        return -1;
    if (bind(file, (struct sockaddr *)&address, length) == 0 &&
        setsockopt(file, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0)
        return file;
    (void)close(file);
    return -1;
}

enum status notify_listen(int *socket_out, char name[NOTIFY_NAME_MAX],
                          struct error *error)
{
    (void)snprintf(name, NOTIFY_NAME_MAX, "@parstock/up/%ld", (long)getpid());
    *socket_out = notify_bind(name);
    if (*socket_out >= 0)
        return STATUS_OK;
    error_set(error, STATUS_FATAL, "no socket for the workers' readiness: %s",
              strerror(errno));
    return error_exit(error, EXIT_INTERNAL);
}

/* The kernel vouches for the sender's pid; a message without it counts for nobody. */
static pid_t notify_sender(struct msghdr *header)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL;
         part = CMSG_NXTHDR(header, part)) {
        struct ucred sender;
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS)
            continue;
        memcpy(&sender, CMSG_DATA(part), sizeof(sender));
        return sender.pid;
    }
    return 0;
}

bool notify_next(int socket, pid_t *pid_out, bool *ready_out)
{
    char message[MESSAGE_MAX] = "";
    char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec where = {.iov_base = message, .iov_len = sizeof(message) - 1};
    struct msghdr header = {.msg_iov = &where,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    if (recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
        return false;
    *pid_out = notify_sender(&header);
    *ready_out = strcmp(message, "READY=1") == 0;
    return true;
}
