/*
 * Handles of @mmap/mmap for C programs: the text of a region's or a channel's handle,
 * "mmap:name=value&name=value...", says how another process finds the object. The headers for a system
 * (mmap_linux.h, mmap_windows.h) include this one.
 */

#ifndef MMAP_HANDLE_H
#define MMAP_HANDLE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A path in a handle, in bytes, and its end. */
#define MMAP_PATH_BYTES 4096

/* A field of a handle, decoded. Returns 0 if it is not there. */
static inline int mmap_handle_field(const char *handle, const char *name, char *value, size_t size) {
  size_t length = strlen(name), at = 0;
  const char *field = handle;
  while ((field = strstr(field, name)) != NULL) {
    if (field[length] == '=' && field != handle && (field[-1] == ':' || field[-1] == '&')) break;
    field += length;
  }
  if (field == NULL) return 0;
  for (const char *c = field + length + 1; *c != '\0' && *c != '&'; c++) {
    unsigned int byte = *c == '+' ? ' ' : (unsigned char)*c;
    if (*c == '%') {
      if (sscanf(c + 1, "%2x", &byte) != 1) return 0;
      c += 2;
    }
    if (at + 1 >= size) return 0;
    value[at++] = (char)byte;
  }
  value[at] = '\0';
  return 1;
}

static inline uint64_t mmap_handle_number(const char *handle, const char *name) {
  char text[32];
  return mmap_handle_field(handle, name, text, sizeof text) ? strtoull(text, NULL, 10) : 0;
}

/* Where the region ends in its object. */
static inline uint64_t mmap_handle_end(const char *handle) {
  return mmap_handle_number(handle, "byteOffset") + mmap_handle_number(handle, "byteLength");
}

#endif
