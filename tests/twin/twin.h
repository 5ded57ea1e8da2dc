/*
 * The Darwin twin: libSystem's calls with Darwin's constants, struct layouts, limits and error numbers,
 * carried out by Linux. For tests. Each function is exported as darwin_NAME; what libSystem has under
 * another name on x86-64 is there under that name too. The sources it follows are those of macOS 15.5:
 * xnu 11417.101.15, Libc 1725.0.11, libplatform 375.100.10.
 *
 * Where Darwin lets something pass that only a mistake can mean, such as a flag with Linux's number, the
 * twin refuses it with EINVAL, and tells of it if TWIN_LOG is set.
 *
 * Defined by the compiler's arguments:
 *   TWIN_FOLDER    an empty folder on tmpfs for what the kernel keeps; one for each run
 *   TWIN_PAGE      the page size, if it is larger than the machine's
 *   TWIN_OLD       macOS before 14.4
 *   TWIN_ARM64     Apple silicon
 */
#ifndef TWIN_H
#define TWIN_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define DARWIN(name) darwin_##name

/* errors.c: the numbers of bsd/sys/errno.h that differ from Linux's */
enum {
  DARWIN_EDEADLK = 11,
  DARWIN_EAGAIN = 35,
  DARWIN_EMSGSIZE = 40,
  DARWIN_ENOTSUP = 45,
  DARWIN_EAFNOSUPPORT = 47,
  DARWIN_ETIMEDOUT = 60,
  DARWIN_ENAMETOOLONG = 63,
  DARWIN_ENOSYS = 78,
  DARWIN_EOPNOTSUPP = 102,
};
/* Sets Darwin's errno. Returns -1. */
int64_t fail(int darwin_errno);
/* Sets it from Linux's errno if a result is negative. Returns the result. */
int64_t done(int64_t result);
/* Darwin's number for one of Linux's. */
int to_darwin(int linux_errno);
/* Tells of what only a mistake can mean. */
void note(const char *what, int64_t value);

/* mappings.c: what is mapped where */
struct place {
  uint64_t start, end, offset, device, inode;
  int protection; /* 1 read, 2 write, 4 execute: on both systems */
  int is_shared, is_shm, has_file;
  uint32_t tag; /* of memory without a file */
};
/* The mapping of a process that holds an address, or else the next one above. Returns 0, or -1. */
int place_from(int pid, uint64_t address, struct place *place);
/* Of this process; -1 if nothing is mapped there. */
int place_at(uint64_t address, struct place *place);
/* Whether a range has no hole. */
int is_mapped(uint64_t start, uint64_t end);
/* A descriptor of endless zeros, of which private mappings are memory with that tag; -1 if it fails. */
int zeros_with(uint32_t tag);
uint64_t machine_page(void);
uint64_t page_size(void);
uint64_t page_up(uint64_t length);
uint64_t page_down(uint64_t address);

/* copies.c: copies bytes of which some may not be there. Returns 0, or -1. */
int copy_safely(void *target, const void *source, size_t length);

/* shm.c: shared memory objects */
int is_shm(int fd);
int shm_is_allocated(const struct stat *status);
int shm_is_writable(int fd);
/* The object's name; 0 if the link of /proc/PID/fd leads to none. */
int shm_name_of_link(const char *link, char *name, size_t size);
int shm_truncate(int fd, int64_t length);

/* files.c */
/* Linux's flags for `open`; -1 if there is one that is not Darwin's. */
int open_flags(int darwin_flags);
/* Whether a path lies in what only Linux has. */
int is_hidden(const char *path);

/* regions.c and descriptors.c: flavors of proc_pidinfo; they answer 0 and errno if they fail. */
int region_info(int pid, uint64_t address, void *info);
int list_descriptors(int pid, void *list, int size);

/* signals.c */
int linux_signal(int darwin_signal);
/* Darwin's mask of the set of signals in a frame of Linux's kernel. */
uint32_t mask_in(const void *kernel_set);
void set_mask_in(void *kernel_set, uint32_t mask);

/* faults.c: whether this thread runs a handler of SIGBUS or SIGSEGV */
int is_in_handler(void);
/* Has zeros put where a private mapping of a file has no page. */
void be_resilient(uint64_t start, uint64_t end);

/* variadic.c calls what else is called with the variadic argument in its place. */
int darwin_open(const char *path, int flags, uint32_t mode);
int darwin_openat(int directory, const char *path, int flags, uint32_t mode);
int darwin_fcntl(int fd, int command, int64_t argument);
int darwin_shm_open(const char *name, int flags, uint32_t mode);
int *darwin___error(void);
#endif
