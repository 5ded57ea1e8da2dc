/* What files and file systems are: bsd/sys/stat.h, bsd/sys/mount.h, posix_shm.c pshm_stat. */
#include "twin.h"
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

struct times {
  int64_t seconds, nanoseconds;
};

/* With inode numbers of 64 bits: the only layout on arm64, NAME$INODE64 on x86-64. */
struct status64 {
  int32_t device;
  uint16_t mode, links;
  uint64_t inode;
  uint32_t uid, gid;
  int32_t raw_device, padding;
  struct times accessed, modified, changed, born;
  int64_t size, blocks;
  int32_t block_size;
  uint32_t flags, generation;
  int32_t spare;
  int64_t spares[2];
};
_Static_assert(sizeof(struct status64) == 144 && offsetof(struct status64, size) == 96, "stat");

/* What x86-64 has under the plain names. */
struct status32 {
  int32_t device;
  uint32_t inode;
  uint16_t mode, links;
  uint32_t uid, gid;
  int32_t raw_device;
  struct times accessed, modified, changed;
  int64_t size, blocks;
  int32_t block_size;
  uint32_t flags, generation;
  int32_t spare;
  int64_t spares[2];
};
_Static_assert(sizeof(struct status32) == 120 && offsetof(struct status32, size) == 72, "old stat");

static struct times times_of(struct timespec time) {
  return (struct times){time.tv_sec, time.tv_nsec};
}

/* An object has no type, no inode and no device; nothing tells one from another. */
static void of_shm(const struct stat *status, struct status64 *out) {
  *out = (struct status64){.mode = status->st_mode & 0777, .uid = status->st_uid,
                           .gid = status->st_gid, .size = status->st_size};
}

static int status_of(int directory, const char *path, int flags, struct status64 *out) {
  struct stat status;
  struct statx born;
  if (is_hidden(path)) return fail(ENOENT);
  if (fstatat(directory, path, &status, flags) != 0) return done(-1);
  if (path[0] == 0 && is_shm(directory)) {
    of_shm(&status, out);
    return 0;
  }
  *out = (struct status64){
      .device = status.st_dev, .mode = status.st_mode, .links = status.st_nlink,
      .inode = status.st_ino, .uid = status.st_uid, .gid = status.st_gid,
      .raw_device = status.st_rdev, .accessed = times_of(status.st_atim),
      .modified = times_of(status.st_mtim), .changed = times_of(status.st_ctim),
      .size = status.st_size, .blocks = status.st_blocks, .block_size = status.st_blksize};
  if (statx(directory, path, flags, STATX_BTIME, &born) == 0)
    out->born = (struct times){born.stx_btime.tv_sec, born.stx_btime.tv_nsec};
  return 0;
}

static int in_full(int directory, const char *path, int flags, struct status64 *out) {
  struct status64 status;
  int result = status_of(directory, path, flags, &status);
  if (result == 0) *out = status;
  return result;
}

#ifdef TWIN_ARM64
int DARWIN(fstat)(int fd, struct status64 *out) { return in_full(fd, "", AT_EMPTY_PATH, out); }
int DARWIN(stat)(const char *path, struct status64 *out) { return in_full(AT_FDCWD, path, 0, out); }
int DARWIN(lstat)(const char *path, struct status64 *out) {
  return in_full(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, out);
}
#else
int DARWIN(fstat$INODE64)(int fd, struct status64 *out) { return in_full(fd, "", AT_EMPTY_PATH, out); }
int DARWIN(stat$INODE64)(const char *path, struct status64 *out) {
  return in_full(AT_FDCWD, path, 0, out);
}
int DARWIN(lstat$INODE64)(const char *path, struct status64 *out) {
  return in_full(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, out);
}

static int in_short(int directory, const char *path, int flags, struct status32 *out) {
  struct status64 full;
  int result = status_of(directory, path, flags, &full);
  if (result != 0) return result;
  *out = (struct status32){
      .device = full.device, .inode = full.inode, .mode = full.mode, .links = full.links,
      .uid = full.uid, .gid = full.gid, .raw_device = full.raw_device, .accessed = full.accessed,
      .modified = full.modified, .changed = full.changed, .size = full.size,
      .blocks = full.blocks, .block_size = full.block_size};
  return 0;
}
int DARWIN(fstat)(int fd, struct status32 *out) { return in_short(fd, "", AT_EMPTY_PATH, out); }
int DARWIN(stat)(const char *path, struct status32 *out) { return in_short(AT_FDCWD, path, 0, out); }
int DARWIN(lstat)(const char *path, struct status32 *out) {
  return in_short(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, out);
}
#endif

struct file_system64 {
  uint32_t block_size;
  int32_t io_size;
  uint64_t blocks, free_blocks, available_blocks, files, free_files;
  int32_t id[2];
  uint32_t owner, type, flags, subtype;
  char type_name[16], mounted_on[1024], mounted_from[1024];
  uint32_t more_flags, reserved[7];
};
_Static_assert(sizeof(struct file_system64) == 2168, "statfs");

#ifdef TWIN_ARM64
int DARWIN(fstatfs)(int fd, struct file_system64 *out)
#else
int DARWIN(fstatfs$INODE64)(int fd, struct file_system64 *out)
#endif
{
  struct statfs status;
  if (is_shm(fd)) return fail(DARWIN_ENOTSUP); /* fp_getfvp */
  if (fstatfs(fd, &status) != 0) return done(-1);
  *out = (struct file_system64){
      .block_size = status.f_bsize, .io_size = status.f_bsize, .blocks = status.f_blocks,
      .free_blocks = status.f_bfree, .available_blocks = status.f_bavail,
      .files = status.f_files, .free_files = status.f_ffree, .type_name = "apfs"};
  memcpy(out->id, &status.f_fsid, sizeof(out->id));
  return 0;
}

#ifndef TWIN_ARM64
struct file_system32 {
  int16_t old_type, old_flags;
  int64_t block_size, io_size, blocks, free_blocks, available_blocks, files, free_files;
  int32_t id[2];
  uint32_t owner;
  int16_t reserved, type;
  int64_t flags, reserved2[2];
  char type_name[15], mounted_on[90], mounted_from[90], reserved3;
  int64_t reserved4[4];
};

int DARWIN(fstatfs)(int fd, struct file_system32 *out) {
  struct file_system64 full;
  if (darwin_fstatfs$INODE64(fd, &full) != 0) return -1;
  *out = (struct file_system32){
      .block_size = full.block_size, .io_size = full.io_size, .blocks = full.blocks,
      .free_blocks = full.free_blocks, .available_blocks = full.available_blocks,
      .files = full.files, .free_files = full.free_files, .type_name = "apfs"};
  return 0;
}
#endif
