/*
 * A C program at one end of a channel. Does what the lines on its standard input say, and answers each
 * with a line: 0 or the name of an error, and what there is to tell.
 */

#define _GNU_SOURCE
#include "mmap_channel.h"

static mmap_channel channel;
static char message[1 << 20];

static const char *name_of(int error) {
  switch (error) {
    case 0: return "0";
    case EAGAIN: return "EAGAIN";
    case EBADMSG: return "EBADMSG";
    case EBUSY: return "EBUSY";
    case ECONNRESET: return "ECONNRESET";
    case EINVAL: return "EINVAL";
    case EMSGSIZE: return "EMSGSIZE";
    case ENODATA: return "ENODATA";
    case ENOENT: return "ENOENT";
    case EPIPE: return "EPIPE";
    case EPROTO: return "EPROTO";
    case ETIMEDOUT: return "ETIMEDOUT";
    default: return strerror(error);
  }
}

/* Message `n` of sender `id`, as in _c_peer.ts. */
static size_t compose(char *bytes, size_t most, uint32_t id, uint32_t n) {
  size_t length = 8 + n * 7919ul % (most - 7);
  memcpy(bytes, &id, 4);
  memcpy(bytes + 4, &n, 4);
  memset(bytes + 8, (int)(n & 255), length - 8);
  return length;
}

static int send_all(uint32_t id, uint32_t count, size_t most, uint32_t *sent) {
  for (*sent = 0; *sent < count; ++*sent) {
    size_t length = compose(message, most, id, *sent);
    int error = mmap_channel_send(&channel, message, length, -1);
    if (error != 0) return error;
  }
  return 0;
}

/* Takes all there is, and checks it. */
static int receive_all(size_t most, uint32_t *count, uint64_t *sum) {
  static char expected[1 << 20];
  uint32_t next[16] = {0};
  size_t length;
  *sum = 0;
  for (*count = 0;; ++*count) {
    int error = mmap_channel_receive(&channel, message, sizeof message, &length, -1);
    if (error != 0) return error;
    uint32_t id, n;
    memcpy(&id, message, 4);
    memcpy(&n, message + 4, 4);
    if (length < 8 || id >= 16 || n < next[id]) return EBADMSG;
    if (length != compose(expected, most, id, n)) return EBADMSG;
    if (memcmp(message, expected, length) != 0) return EBADMSG;
    next[id] = n + 1;
    *sum += n;
  }
}

int main(void) {
  static char line[8192], command[32], argument[8192];
  unsigned int id = 0, count = 0, most = 0;
  while (fgets(line, sizeof line, stdin) != NULL) {
    int error = 0;
    uint64_t sum = 0;
    uint32_t done = 0;
    size_t length = 0;
    void *room;
    const void *bytes;
    if (sscanf(line, "%31s %8191s", command, argument) < 1) return 2;
    sscanf(line, "%*s %u %u %u", &id, &count, &most);
    if (strcmp(command, "produce") == 0) {
      error = mmap_channel_open(&channel, argument, MMAP_PRODUCER);
    } else if (strcmp(command, "consume") == 0) {
      error = mmap_channel_open(&channel, argument, MMAP_CONSUMER);
    } else if (strcmp(command, "send-all") == 0) {
      error = send_all(id, count, most, &done);
      sum = done;
    } else if (strcmp(command, "receive-all") == 0) {
      error = receive_all(id, &done, &sum);
      printf("%u ", done);
    } else if (strcmp(command, "send") == 0) {
      error = mmap_channel_send(&channel, message, id, (int)count);
    } else if (strcmp(command, "receive") == 0) {
      error = mmap_channel_receive(&channel, message, count, &length, (int)id);
      sum = length;
    } else if (strcmp(command, "reserve") == 0) {
      error = mmap_channel_reserve(&channel, id, &room, -1);
      if (error == 0) memset(room, 255, id);
    } else if (strcmp(command, "commit") == 0) {
      error = mmap_channel_commit(&channel, id);
    } else if (strcmp(command, "peek") == 0) {
      error = mmap_channel_peek(&channel, &bytes, &length, -1);
      sum = length;
    } else if (strcmp(command, "end") == 0) {
      error = mmap_channel_end(&channel);
    } else if (strcmp(command, "close") == 0) {
      mmap_channel_close(&channel);
    } else {
      return 3;
    }
    printf("%s %llu\n", name_of(error), (unsigned long long)sum);
    fflush(stdout);
  }
  return 0;
}
