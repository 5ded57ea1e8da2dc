/*
 * The variadic functions as Apple's arm64 convention has them: the arguments behind the fixed ones lie on
 * the stack, so eight registers come first. Every ABI here puts a ninth argument there, too.
 */
#include "twin.h"

int DARWIN(open_on_stack)(const char *path, int flags, int64_t a, int64_t b, int64_t c, int64_t d,
                          int64_t e, int64_t f, uint64_t mode) {
  (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
  return darwin_open(path, flags, (uint32_t)mode);
}

int DARWIN(openat_on_stack)(int directory, const char *path, int flags, int64_t a, int64_t b, int64_t c,
                            int64_t d, int64_t e, uint64_t mode) {
  (void)a, (void)b, (void)c, (void)d, (void)e;
  return darwin_openat(directory, path, flags, (uint32_t)mode);
}

int DARWIN(shm_open_on_stack)(const char *name, int flags, int64_t a, int64_t b, int64_t c, int64_t d,
                              int64_t e, int64_t f, uint64_t mode) {
  (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
  return darwin_shm_open(name, flags, (uint32_t)mode);
}

int DARWIN(fcntl_on_stack)(int fd, int command, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e,
                           int64_t f, int64_t argument) {
  (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
  return darwin_fcntl(fd, command, argument);
}
