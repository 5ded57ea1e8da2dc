/* Prints "number name text" for each error number that the C library knows. */

#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

int main(void) {
  for (int i = 1; i < 200; i++)
    if (strerrorname_np(i)) printf("%d %s %s\n", i, strerrorname_np(i), strerror(i));
  return 0;
}
