/*
 * The C side of ../channel_c_peer.ts:
 *
 *     cc -I ../../languages/c channel_peer.c -o channel_peer
 *
 * Receives messages, and sends each of them back in capital letters through a second channel, until
 * there are no more. Both channels are in the environment.
 */
#define _GNU_SOURCE
#include "mmap_channel.h"

#include <ctype.h>

static int fail(const char *what, int error) {
  fprintf(stderr, "%s: %s\n", what, strerror(error));
  return 1;
}

int main(void) {
  mmap_channel requests, answers;
  int error = mmap_channel_open_env(&requests, NULL, MMAP_CONSUMER);
  if (error != 0) return fail("open requests", error);
  error = mmap_channel_open_env(&answers, "ANSWERS", MMAP_PRODUCER);
  if (error != 0) return fail("open answers", error);

  /* In place: from the memory of one channel to that of the other. */
  const void *request;
  void *answer;
  size_t length;
  while ((error = mmap_channel_peek(&requests, &request, &length, -1)) == 0) {
    error = mmap_channel_reserve(&answers, length, &answer, -1);
    if (error != 0) return fail("send", error);
    for (size_t i = 0; i < length; i++) {
      ((char *)answer)[i] = (char)toupper(((const unsigned char *)request)[i]);
    }
    error = mmap_channel_commit(&answers, length);
    if (error != 0) return fail("send", error);
    mmap_channel_release(&requests);
  }
  if (error != MMAP_CHANNEL_END) return fail("receive", error);
  mmap_channel_close(&answers); /* the only producer: this ends the channel */
  mmap_channel_close(&requests);
  return 0;
}
