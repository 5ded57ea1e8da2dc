/* Prints where the fields lie that layout.ts and table.ts know, by the names that the test has. */

#include <stddef.h>
#include <stdio.h>

#ifdef _WIN32
typedef unsigned long long u64;
typedef unsigned int u32;
#else
#include "calls.h"
#endif
#include "table.h"

#define TABLE(field) printf(#field " %zu\n", offsetof(struct table, field))
#define SLOT(field) printf(#field " %zu\n", offsetof(struct slot, field))

int main(void) {
  TABLE(page_size);
  TABLE(used);
  TABLE(previous);
  TABLE(previous[0].flags);
  TABLE(previous[1].handler);
  TABLE(first_address);
  TABLE(next_address);
  TABLE(given_end);
  TABLE(last_address);
  TABLE(keepers);
  TABLE(slots);
  SLOT(start);
  SLOT(end);
  SLOT(file_offset);
  SLOT(fd);
  SLOT(claimed);
  SLOT(borrowed);
  SLOT(map_start);
  SLOT(map_end);
  SLOT(map_fd);
  SLOT(holders);
  SLOT(faults);
  SLOT(first_fault);
  SLOT(busy);
  printf("slot.page_size %zu\n", offsetof(struct slot, page_size));
  printf("slot %zu\n", sizeof(struct slot));
  printf("count %zu\n", offsetof(struct table, borrowed));
  return 0;
}
