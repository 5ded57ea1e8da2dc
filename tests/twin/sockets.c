/* Local sockets: bsd/sys/un.h, bsd/sys/socket.h, bsd/kern/uipc_syscalls.c. */
#include "twin.h"
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  DARWIN_SOL_SOCKET = 0xffff, DARWIN_SCM_RIGHTS = 1, CTRUNC = 0x20,
  PEEK = 2, WAITALL = 0x40, DONTWAIT = 0x80, NOSIGNAL = 0x80000,
};

/* u8 length, u8 family, 104 bytes of path */
#define PATH_OFFSET 2
#define PATH_BYTES 104

struct message {
  void *name;
  uint32_t name_length;
  struct iovec *pieces;
  int32_t piece_count;
  void *control;
  uint32_t control_length;
  int32_t flags;
};
_Static_assert(sizeof(struct message) == 48 && offsetof(struct message, control_length) == 40, "msghdr");

struct control {
  uint32_t length;
  int32_t level, type;
};
/* CMSG_ALIGN is of four bytes, so descriptors follow at once. */
_Static_assert(sizeof(struct control) == 12, "cmsghdr");

/* Descriptors of one message; SCM_MAX_FD of Linux. */
#define MOST_DESCRIPTORS 253

/* No flags of Linux in the type. */
int DARWIN(socket)(int domain, int type, int protocol) {
  if ((type & ~0xf) != 0) return fail(EINVAL);
  return done(socket(domain, type, protocol));
}

/* Returns the length of Linux's address; 0 if Darwin's is none of a local socket. */
static socklen_t to_linux(const uint8_t *address, uint32_t length, struct sockaddr_un *out) {
  memset(out, 0, sizeof(*out));
  if (length <= PATH_OFFSET || length > PATH_OFFSET + PATH_BYTES || address[1] != AF_UNIX) return 0;
  out->sun_family = AF_UNIX;
  memcpy(out->sun_path, address + PATH_OFFSET, length - PATH_OFFSET);
  return offsetof(struct sockaddr_un, sun_path) + strlen(out->sun_path) + 1;
}

int DARWIN(bind)(int fd, const uint8_t *address, uint32_t length) {
  struct sockaddr_un local;
  if (fcntl(fd, F_GETFD) < 0) return done(-1);
  socklen_t size = to_linux(address, length, &local);
  if (size == 0) return fail(length > PATH_OFFSET + PATH_BYTES ? EINVAL : DARWIN_EAFNOSUPPORT);
  return done(bind(fd, (struct sockaddr *)&local, size));
}

int DARWIN(connect)(int fd, const uint8_t *address, uint32_t length) {
  struct sockaddr_un local;
  if (fcntl(fd, F_GETFD) < 0) return done(-1);
  socklen_t size = to_linux(address, length, &local);
  if (size == 0) return fail(length > PATH_OFFSET + PATH_BYTES ? EINVAL : DARWIN_EAFNOSUPPORT);
  return done(connect(fd, (struct sockaddr *)&local, size));
}

int DARWIN(listen)(int fd, int backlog) { return done(listen(fd, backlog)); }

/* The new descriptor is neither close-on-exec nor nonblocking, but for what the socket itself is. */
int DARWIN(accept)(int fd, void *address, uint32_t *length) {
  if (address != NULL) {
    note("accept: the other end's address", 0);
    return fail(EINVAL);
  }
  (void)length;
  return done(accept(fd, NULL, NULL));
}

int DARWIN(poll)(struct pollfd *descriptors, uint32_t count, int timeout_ms) {
  return done(poll(descriptors, count, timeout_ms));
}

static int to_linux_flags(int flags, int known) {
  if ((flags & ~known) != 0) return -1;
  return ((flags & PEEK) != 0 ? MSG_PEEK : 0) | ((flags & WAITALL) != 0 ? MSG_WAITALL : 0) |
         ((flags & DONTWAIT) != 0 ? MSG_DONTWAIT : 0) | ((flags & NOSIGNAL) != 0 ? MSG_NOSIGNAL : 0);
}

/* Room for Linux's control message. */
union room {
  char bytes[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
  struct cmsghdr head;
};

int64_t DARWIN(sendmsg)(int fd, const struct message *message, int flags) {
  union room room = {{0}};
  struct msghdr out = {.msg_iov = message->pieces, .msg_iovlen = message->piece_count};
  int linux_flags = to_linux_flags(flags, DONTWAIT | NOSIGNAL);
  if (message->piece_count <= 0) return fail(DARWIN_EMSGSIZE);
  if (linux_flags < 0) return fail(EINVAL);
  if (message->control != NULL && message->control_length > 0) {
    const struct control *control = message->control;
    if (message->control_length < sizeof(*control) || control->length > message->control_length ||
        control->length <= sizeof(*control) || control->level != DARWIN_SOL_SOCKET ||
        control->type != DARWIN_SCM_RIGHTS)
      return fail(EINVAL);
    size_t bytes = control->length - sizeof(*control);
    if (bytes > MOST_DESCRIPTORS * sizeof(int) || bytes % sizeof(int) != 0) return fail(EINVAL);
    room.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(bytes), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&room.head), control + 1, bytes);
    out.msg_control = &room;
    out.msg_controllen = CMSG_SPACE(bytes);
  }
  return done(sendmsg(fd, &out, linux_flags));
}

/* Descriptors for which there is no room are closed. */
static void hand_over(struct message *message, const struct cmsghdr *head) {
  size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  size_t size = message->control == NULL ? 0 : message->control_length;
  size_t room = size < sizeof(struct control) ? 0 : (size - sizeof(struct control)) / sizeof(int);
  const int *descriptors = (const int *)CMSG_DATA(head);
  for (size_t i = room; i < count; i++) close(descriptors[i]);
  if (room < count) {
    message->flags |= CTRUNC;
    count = room;
  }
  message->control_length = 0;
  if (count == 0) return;
  struct control control = {sizeof(control) + count * sizeof(int), DARWIN_SOL_SOCKET, DARWIN_SCM_RIGHTS};
  memcpy(message->control, &control, sizeof(control));
  memcpy((char *)message->control + sizeof(control), descriptors, count * sizeof(int));
  message->control_length = control.length;
}

/* What comes is not close-on-exec. */
int64_t DARWIN(recvmsg)(int fd, struct message *message, int flags) {
  union room room = {{0}};
  struct msghdr in = {.msg_iov = message->pieces, .msg_iovlen = message->piece_count,
                      .msg_control = &room, .msg_controllen = sizeof(room)};
  int linux_flags = to_linux_flags(flags, PEEK | WAITALL | DONTWAIT);
  if (message->piece_count <= 0) return fail(DARWIN_EMSGSIZE);
  if (linux_flags < 0) return fail(EINVAL);
  int64_t length = recvmsg(fd, &in, linux_flags);
  if (length < 0) return done(length);
  struct cmsghdr *head = CMSG_FIRSTHDR(&in);
  message->flags = 0;
  if (head != NULL && head->cmsg_type == SCM_RIGHTS) hand_over(message, head);
  else message->control_length = 0;
  return length;
}
