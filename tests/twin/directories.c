/* Listing directories: bsd/sys/dirent.h. x86-64 has the layout with long inode numbers as NAME$INODE64. */
#include "twin.h"
#include <dirent.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct entry64 {
  uint64_t inode, seek_offset;
  uint16_t record_length, name_length;
  uint8_t type;
  char name[1024];
};
_Static_assert(offsetof(struct entry64, name) == 21, "dirent");

struct entry32 {
  uint32_t inode;
  uint16_t record_length;
  uint8_t type, name_length;
  char name[256];
};
_Static_assert(offsetof(struct entry32, name) == 8, "old dirent");

struct directory {
  DIR *stream;
  union {
    struct entry64 full;
    struct entry32 old;
  } entry;
};

static struct directory *open_directory(const char *path) {
  DIR *stream = is_hidden(path) ? NULL : opendir(path);
  if (stream == NULL) {
    fail(is_hidden(path) ? ENOENT : to_darwin(errno));
    return NULL;
  }
  struct directory *directory = calloc(1, sizeof(*directory));
  directory->stream = stream;
  return directory;
}

static struct dirent *next(struct directory *directory) {
  errno = 0;
  struct dirent *entry = readdir(directory->stream);
  if (entry == NULL && errno != 0) done(-1);
  return entry;
}

static struct entry64 *next_full(struct directory *directory) {
  struct dirent *entry = next(directory);
  if (entry == NULL) return NULL;
  struct entry64 *full = &directory->entry.full;
  *full = (struct entry64){.inode = entry->d_ino, .type = entry->d_type,
                           .name_length = strlen(entry->d_name)};
  full->record_length = (offsetof(struct entry64, name) + full->name_length + 1 + 3) & ~3;
  strcpy(full->name, entry->d_name);
  return full;
}

int DARWIN(closedir)(struct directory *directory) {
  int result = done(closedir(directory->stream));
  free(directory);
  return result;
}

#ifdef TWIN_ARM64
struct directory *DARWIN(opendir)(const char *path) { return open_directory(path); }
struct entry64 *DARWIN(readdir)(struct directory *directory) { return next_full(directory); }
#else
struct directory *DARWIN(opendir$INODE64)(const char *path) { return open_directory(path); }
struct entry64 *DARWIN(readdir$INODE64)(struct directory *directory) { return next_full(directory); }
struct directory *DARWIN(opendir)(const char *path) { return open_directory(path); }

struct entry32 *DARWIN(readdir)(struct directory *directory) {
  struct dirent *entry = next(directory);
  if (entry == NULL) return NULL;
  struct entry32 *old = &directory->entry.old;
  *old = (struct entry32){.inode = entry->d_ino, .type = entry->d_type,
                          .name_length = strlen(entry->d_name)};
  old->record_length = (offsetof(struct entry32, name) + old->name_length + 1 + 3) & ~3;
  strcpy(old->name, entry->d_name);
  return old;
}
#endif
