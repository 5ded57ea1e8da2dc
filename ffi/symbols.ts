/**
 * The symbol table: every libc function that this module calls, as data.
 *
 * Each parameter has its C name and type in a comment. `optional: true` marks a function that some
 * supported libc lacks; there, the symbol is null. After a `nonblocking` call errno is lost,
 * because the call ran on another thread: see `call.ts` for the way around that.
 */

/** The table, `as const`. Its `usize` and `u64` parameters take numbers and bigints. */
export const SYMBOLS = {
  // https://man7.org/linux/man-pages/man2/mmap.2.html
  mmap: {
    parameters: [
      "pointer", // void *addr
      "usize", // size_t length
      "i32", // int prot
      "i32", // int flags
      "i32", // int fd
      "i64", // off_t offset
    ],
    result: "pointer", // void *, or MAP_FAILED: (void *) -1, which arrives as 2^64-1 and not as null
  },
  munmap: {
    parameters: [
      "pointer", // void *addr
      "usize", // size_t length
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/mremap.2.html (Linux only)
  mremap: {
    parameters: [
      "pointer", // void *old_address
      "usize", // size_t old_size
      "usize", // size_t new_size
      "i32", // int flags
      "pointer", // void *new_address: variadic in C, read with MREMAP_FIXED only
    ],
    result: "pointer", // void *, or MAP_FAILED
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/msync.2.html
  msync: {
    parameters: [
      "pointer", // void *addr
      "usize", // size_t length
      "i32", // int flags
    ],
    result: "i32", // 0, or -1 and errno
  },
  msyncOffThread: {
    name: "msync",
    parameters: ["pointer", "usize", "i32"],
    result: "i32", // 0, or -1; errno is lost
    nonblocking: true,
  },
  // https://man7.org/linux/man-pages/man2/mprotect.2.html
  mprotect: {
    parameters: [
      "pointer", // void *addr
      "usize", // size_t length
      "i32", // int prot
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/madvise.2.html
  madvise: {
    parameters: [
      "pointer", // void *addr
      "usize", // size_t length
      "i32", // int advice
    ],
    result: "i32", // 0, or -1 and errno
  },
  madviseOffThread: {
    name: "madvise",
    parameters: ["pointer", "usize", "i32"],
    result: "i32", // 0, or -1; errno is lost
    nonblocking: true,
  },
  // https://man7.org/linux/man-pages/man2/mlock.2.html
  mlock: {
    parameters: [
      "pointer", // const void *addr
      "usize", // size_t length
    ],
    result: "i32", // 0, or -1 and errno
  },
  munlock: {
    parameters: [
      "pointer", // const void *addr
      "usize", // size_t length
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/mincore.2.html
  mincore: {
    parameters: [
      "pointer", // void *addr
      "usize", // size_t length
      "buffer", // unsigned char *vec: one byte a page
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/open.2.html
  open: {
    parameters: [
      "buffer", // const char *pathname
      "i32", // int flags
      "u32", // mode_t mode: variadic in C
    ],
    result: "i32", // descriptor, or -1 and errno
  },
  openat: {
    parameters: [
      "i32", // int dirfd
      "buffer", // const char *pathname
      "i32", // int flags
      "u32", // mode_t mode: variadic in C
    ],
    result: "i32", // descriptor, or -1 and errno
  },
  close: {
    parameters: [
      "i32", // int fd
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/read.2.html
  read: {
    parameters: [
      "i32", // int fd
      "buffer", // void *buf
      "usize", // size_t count
    ],
    result: "isize", // bytes read, 0 at the end, or -1 and errno
  },
  readInto: {
    name: "read",
    parameters: [
      "i32", // int fd
      "pointer", // void *buf: an address that may not be there
      "usize", // size_t count
    ],
    result: "isize", // bytes read, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/pipe.2.html
  pipe: {
    parameters: [
      "buffer", // int pipefd[2]
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/unlink.2.html
  unlink: {
    parameters: [
      "buffer", // const char *pathname
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/readlink.2.html
  readlink: {
    parameters: [
      "buffer", // const char *pathname
      "buffer", // char *buf: not NUL-terminated
      "usize", // size_t bufsiz
    ],
    result: "isize", // bytes placed in buf, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/lseek.2.html
  lseek: {
    parameters: [
      "i32", // int fd
      "i64", // off_t offset
      "i32", // int whence
    ],
    result: "i64", // the new position, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/pwritev2.2.html (Linux; glibc 2.26)
  pwritev2: {
    parameters: [
      "i32", // int fd
      "buffer", // const struct iovec *iov
      "i32", // int iovcnt
      "i64", // off_t offset
      "i32", // int flags
    ],
    result: "isize", // bytes written, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/ftruncate.2.html
  ftruncate: {
    parameters: [
      "i32", // int fd
      "i64", // off_t length
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/fallocate.2.html (Linux only)
  fallocate: {
    parameters: [
      "i32", // int fd
      "i32", // int mode
      "i64", // off_t offset
      "i64", // off_t len
    ],
    result: "i32", // 0, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/statx.2.html (Linux; glibc 2.28)
  statx: {
    parameters: [
      "i32", // int dirfd
      "buffer", // const char *pathname
      "i32", // int flags
      "u32", // unsigned int mask
      "buffer", // struct statx *statxbuf: 256 bytes
    ],
    result: "i32", // 0, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/fstatfs.2.html (Linux's layout is meant)
  fstatfs: {
    parameters: [
      "i32", // int fd
      "buffer", // struct statfs *buf: 120 bytes
    ],
    result: "i32", // 0, or -1 and errno
  },
  // macOS: the layout with 64-bit inode numbers is "fstat" on arm64, "fstat$INODE64" on x86-64.
  fstat: {
    parameters: [
      "i32", // int fd
      "buffer", // struct stat *buf: 144 bytes
    ],
    result: "i32", // 0, or -1 and errno
    optional: true,
  },
  fstat$INODE64: {
    parameters: ["i32", "buffer"],
    result: "i32", // 0, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/fcntl.2.html
  fcntl: {
    parameters: [
      "i32", // int fd
      "i32", // int cmd
      "i64", // arg: variadic in C; an int, a size or an address, by command
    ],
    result: "i32", // depends on the command, or -1 and errno
  },
  fcntlLock: {
    name: "fcntl",
    parameters: [
      "i32", // int fd
      "i32", // int cmd: F_OFD_GETLK or F_OFD_SETLK
      "buffer", // struct flock *: variadic in C
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/dup.2.html (Linux only)
  dup3: {
    parameters: [
      "i32", // int oldfd
      "i32", // int newfd
      "i32", // int flags
    ],
    result: "i32", // newfd, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/fsync.2.html
  fsync: {
    parameters: [
      "i32", // int fd
    ],
    result: "i32", // 0, or -1 and errno
  },
  fsyncOffThread: {
    name: "fsync",
    parameters: ["i32"],
    result: "i32", // 0, or -1; errno is lost
    nonblocking: true,
  },
  // https://man7.org/linux/man-pages/man2/linkat.2.html
  linkat: {
    parameters: [
      "i32", // int olddirfd
      "buffer", // const char *oldpath
      "i32", // int newdirfd
      "buffer", // const char *newpath
      "i32", // int flags
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/sched_yield.2.html
  // Linux only
  sched_yield: {
    parameters: [],
    result: "i32", // 0, or -1 and errno
    optional: true,
  },
  write: {
    parameters: [
      "i32", // int fd
      "buffer", // const void *buf
      "usize", // size_t count
    ],
    result: "isize", // bytes written, or -1 and errno
  },
  writeFrom: {
    name: "write",
    parameters: [
      "i32", // int fd
      "pointer", // const void *buf: an address that may not be there
      "usize", // size_t count
    ],
    result: "isize", // bytes written, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man3/opendir.3.html
  opendir: {
    parameters: [
      "buffer", // const char *name
    ],
    result: "pointer", // DIR *, or NULL and errno
  },
  readdir: {
    parameters: [
      "pointer", // DIR *dirp
    ],
    result: "pointer", // struct dirent *: valid until the next call on it; NULL at the end
  },
  closedir: {
    parameters: [
      "pointer", // DIR *dirp
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/socket.2.html
  socket: {
    parameters: [
      "i32", // int domain
      "i32", // int type
      "i32", // int protocol
    ],
    result: "i32", // descriptor, or -1 and errno
  },
  bind: {
    parameters: [
      "i32", // int sockfd
      "buffer", // const struct sockaddr *addr
      "u32", // socklen_t addrlen
    ],
    result: "i32", // 0, or -1 and errno
  },
  listen: {
    parameters: [
      "i32", // int sockfd
      "i32", // int backlog
    ],
    result: "i32", // 0, or -1 and errno
  },
  connect: {
    parameters: [
      "i32", // int sockfd
      "buffer", // const struct sockaddr *addr
      "u32", // socklen_t addrlen
    ],
    result: "i32", // 0, or -1 and errno
  },
  // Linux only
  accept4: {
    parameters: [
      "i32", // int sockfd
      "pointer", // struct sockaddr *addr, or NULL
      "pointer", // socklen_t *addrlen, or NULL
      "i32", // int flags
    ],
    result: "i32", // descriptor, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/sendmsg.2.html
  sendmsg: {
    parameters: [
      "i32", // int sockfd
      "buffer", // const struct msghdr *msg
      "i32", // int flags
    ],
    result: "isize", // bytes sent, or -1 and errno
  },
  recvmsg: {
    parameters: [
      "i32", // int sockfd
      "buffer", // struct msghdr *msg
      "i32", // int flags
    ],
    result: "isize", // bytes received, 0 at the end, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/poll.2.html
  pollOffThread: {
    name: "poll",
    parameters: [
      "buffer", // struct pollfd *fds
      "u64", // nfds_t nfds
      "i32", // int timeout, in milliseconds
    ],
    result: "i32", // descriptors that are ready, 0 after the timeout, or -1; errno is lost
    nonblocking: true,
  },
  // https://man7.org/linux/man-pages/man2/chmod.2.html
  chmod: {
    parameters: [
      "buffer", // const char *pathname
      "u32", // mode_t mode
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/flock.2.html
  flock: {
    parameters: [
      "i32", // int fd
      "i32", // int op
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/sigaction.2.html
  sigaction: {
    parameters: [
      "i32", // int signum
      "buffer", // const struct sigaction *act, or NULL
      "buffer", // struct sigaction *oldact, or NULL
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/sigprocmask.2.html: of the calling thread, on Linux
  sigprocmask: {
    parameters: [
      "i32", // int how
      "buffer", // const sigset_t *set, or NULL
      "buffer", // sigset_t *oldset, or NULL
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/sigtimedwait.2.html (not on macOS)
  sigtimedwait: {
    parameters: [
      "buffer", // const sigset_t *set
      "buffer", // siginfo_t *info, or NULL
      "buffer", // const struct timespec *timeout
    ],
    result: "i32", // the signal, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/memfd_create.2.html (Linux; glibc 2.27)
  memfd_create: {
    parameters: [
      "buffer", // const char *name
      "u32", // unsigned int flags
    ],
    result: "i32", // descriptor, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man3/shm_open.3.html (glibc before 2.34 has it in librt)
  shm_open: {
    parameters: [
      "buffer", // const char *name
      "i32", // int oflag
      "u32", // mode_t mode: variadic on macOS
    ],
    result: "i32", // descriptor, or -1 and errno
    optional: true,
  },
  shm_unlink: {
    parameters: [
      "buffer", // const char *name
    ],
    result: "i32", // 0, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/prctl.2.html (Linux only)
  prctl: {
    parameters: [
      "i32", // int option
      "u64", // unsigned long arg2: variadic in C
      "u64", // unsigned long arg3
      "u64", // unsigned long arg4
      "buffer", // unsigned long arg5: here the address of a string
    ],
    result: "i32", // depends on the option, or -1 and errno
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/process_vm_readv.2.html (Linux only)
  process_vm_readv: {
    parameters: [
      "i32", // pid_t pid
      "buffer", // const struct iovec *local_iov
      "usize", // unsigned long liovcnt
      "buffer", // const struct iovec *remote_iov
      "usize", // unsigned long riovcnt
      "usize", // unsigned long flags: 0
    ],
    result: "isize", // bytes copied, or -1 and errno
    optional: true,
  },
  process_vm_writev: {
    parameters: [
      "i32", // pid_t pid
      "buffer", // const struct iovec *local_iov
      "usize", // unsigned long liovcnt
      "buffer", // const struct iovec *remote_iov
      "usize", // unsigned long riovcnt
      "usize", // unsigned long flags: 0
    ],
    result: "isize", // bytes copied, or -1 and errno
    optional: true,
  },
  // The calls of searches take and give addresses as numbers: a loop over them makes no objects.
  // https://man7.org/linux/man-pages/man3/memchr.3.html
  memchr: {
    parameters: [
      "u64", // const void *s
      "i32", // int c
      "u64", // size_t n
    ],
    result: "u64", // where it stands, or NULL
  },
  // GNU; not on macOS
  memrchr: {
    parameters: [
      "u64", // const void *s
      "i32", // int c
      "u64", // size_t n
    ],
    result: "u64", // where it stands, or NULL
    optional: true,
  },
  // https://man7.org/linux/man-pages/man3/bsearch.3.html
  bsearch: {
    parameters: [
      "u64", // const void *key
      "u64", // const void *base
      "u64", // size_t nmemb
      "u64", // size_t size
      "u64", // int (*compar)(const void *, const void *)
    ],
    result: "u64", // an element for which compar returned 0, or NULL
  },
  // https://man7.org/linux/man-pages/man3/memmem.3.html
  memmem: {
    parameters: [
      "u64", // const void *haystack
      "u64", // size_t haystacklen
      "u64", // const void *needle
      "u64", // size_t needlelen
    ],
    result: "u64", // where it stands, or NULL
  },
  // https://man7.org/linux/man-pages/man3/memcmp.3.html
  memcmp: {
    parameters: [
      "u64", // const void *s1
      "u64", // const void *s2
      "u64", // size_t n
    ],
    result: "i32", // < 0, 0 or > 0
  },
  // https://man7.org/linux/man-pages/man3/memcpy.3.html
  memcpy: {
    parameters: [
      "buffer", // void *dest
      "u64", // const void *src
      "u64", // size_t n
    ],
    result: "pointer", // dest
  },
  // https://man7.org/linux/man-pages/man3/sysconf.3.html
  sysconf: {
    parameters: [
      "i32", // int name
    ],
    result: "i64", // long: the value, or -1
  },
  // https://man7.org/linux/man-pages/man2/futex.2.html (Linux only; libc has no wrapper)
  futex: {
    name: "syscall",
    parameters: [
      "i64", // long number: SYS_futex
      "pointer", // uint32_t *uaddr
      "i32", // int futex_op
      "u32", // uint32_t val
      "buffer", // const struct timespec *timeout, or NULL
      "pointer", // uint32_t *uaddr2
      "u32", // uint32_t val3
    ],
    result: "i32", // FUTEX_WAKE: waiters woken; FUTEX_WAIT: 0; or -1 and errno
  },
  // https://docs.kernel.org/userspace-api/futex2.html (Linux 5.16)
  futexWaitv: {
    name: "syscall",
    parameters: [
      "i64", // long number: SYS_futex_waitv
      "buffer", // struct futex_waitv *waiters
      "u32", // unsigned int nr_futexes
      "u32", // unsigned int flags: 0
      "buffer", // struct timespec *timeout: absolute
      "i32", // clockid_t clockid
    ],
    result: "i64", // index of a woken word, or -1 and errno
  },
  futexWaitvOffThread: {
    name: "syscall",
    parameters: ["i64", "buffer", "u32", "u32", "buffer", "i32"],
    result: "i64", // index of a woken word, or -1; errno is lost
    nonblocking: true,
  },
  // https://man7.org/linux/man-pages/man2/gettid.2.html (Linux only; glibc has it since 2.30)
  gettid: {
    name: "syscall",
    parameters: [
      "i64", // long number: SYS_gettid
    ],
    result: "i64", // pid_t
  },
  // https://itanium-cxx-abi.github.io/cxx-abi/abi.html#dso-dtor-motivation (glibc)
  threadAtExit: {
    name: "__cxa_thread_atexit_impl",
    parameters: [
      "pointer", // void (*dtor)(void *): called when this thread ends
      "usize", // void *obj: its argument
      "usize", // void *dso_symbol: NULL, what it belongs to
    ],
    result: "i32", // 0, or another number if there is no memory
    optional: true,
  },
  // https://man7.org/linux/man-pages/man3/dlsym.3.html (in libc since glibc 2.34)
  dlsym: {
    parameters: [
      "usize", // void *handle: RTLD_DEFAULT is 0, and -2 on macOS
      "buffer", // const char *symbol
    ],
    result: "pointer", // void *, or NULL
    optional: true,
  },
  // https://man7.org/linux/man-pages/man2/kill.2.html
  kill: {
    parameters: [
      "i32", // pid_t pid
      "i32", // int sig: 0 only asks
    ],
    result: "i32", // 0, or -1 and errno
  },
  // https://man7.org/linux/man-pages/man2/clock_gettime.2.html
  clock_gettime: {
    parameters: [
      "i32", // clockid_t clockid
      "buffer", // struct timespec *tp
    ],
    result: "i32", // 0, or -1 and errno
  },
  // macOS 14.4: <os/os_sync_wait_on_address.h>
  os_sync_wait_on_address_with_timeout: {
    parameters: [
      "pointer", // void *addr
      "u64", // uint64_t value
      "usize", // size_t size
      "u32", // uint32_t flags
      "u32", // os_clockid_t clockid
      "u64", // uint64_t timeout_ns
    ],
    result: "i32", // waiters left, or -1 and errno
    optional: true,
  },
  os_sync_wake_by_address_any: {
    parameters: [
      "pointer", // void *addr
      "usize", // size_t size
      "u32", // uint32_t flags
    ],
    result: "i32", // 0, or -1 and errno
    optional: true,
  },
  // macOS before 14.4: <sys/ulock.h>, private
  __ulock_wait: {
    parameters: [
      "u32", // uint32_t operation
      "pointer", // void *addr
      "u64", // uint64_t value
      "u32", // uint32_t timeout, in microseconds; 0: none
    ],
    result: "i32", // waiters left, or -errno with ULF_NO_ERRNO
    optional: true,
  },
  __ulock_wake: {
    parameters: [
      "u32", // uint32_t operation
      "pointer", // void *addr
      "u64", // uint64_t wake_value
    ],
    result: "i32", // 0, or -errno with ULF_NO_ERRNO
    optional: true,
  },
  // https://man7.org/linux/man-pages/man3/getenv.3.html
  getenv: {
    parameters: [
      "buffer", // const char *name
    ],
    result: "pointer", // char *, or NULL
  },
  // https://man7.org/linux/man-pages/man3/strerror.3.html
  strerror: {
    parameters: [
      "i32", // int errnum
    ],
    result: "pointer", // char *: valid until the next call on this thread
  },
  // https://man7.org/linux/man-pages/man3/errno.3.html; the name is the platform's.
  errnoLocation: {
    name: "__errno_location",
    parameters: [],
    result: "pointer", // int *: this thread's errno
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** What macOS has beside those, from Apple's published headers. */
export const DARWIN_SYMBOLS = {
  // <fcntl.h>
  fcntlBuffer: {
    name: "fcntl",
    parameters: [
      "i32", // int fd
      "i32", // int cmd
      "buffer", // variadic in C: a struct or a path, by command
    ],
    result: "i32", // depends on the command, or -1 and errno
  },
  dup2: {
    parameters: [
      "i32", // int fildes
      "i32", // int fildes2
    ],
    result: "i32", // fildes2, or -1 and errno
  },
  fcntlOffThread: {
    name: "fcntl",
    parameters: [
      "i32", // int fd
      "i32", // int cmd
      "i64", // variadic in C
    ],
    result: "i32", // depends on the command, or -1; errno is lost
    nonblocking: true,
  },
  // What `thread_local` of C++ is built on: dyld's ThreadLocalVariables.
  tlvAtExit: {
    name: "_tlv_atexit",
    parameters: [
      "pointer", // void (*termFunc)(void *): called when this thread ends
      "usize", // void *objAddr: its argument
    ],
    result: "void",
    optional: true,
  },
  // <pthread.h>
  pthread_main_np: {
    parameters: [],
    result: "i32", // 1 on the main thread, else 0
  },
  // The layout with 64-bit inode numbers is "stat" on arm64, "stat$INODE64" on x86-64.
  stat: { parameters: ["buffer", "buffer"], result: "i32", optional: true },
  stat$INODE64: {
    parameters: [
      "buffer", // const char *path
      "buffer", // struct stat *buf: 144 bytes
    ],
    result: "i32", // 0, or -1 and errno
    optional: true,
  },
  mkdir: {
    parameters: [
      "buffer", // const char *path
      "u32", // mode_t mode: an int here, as it is not variadic
    ],
    result: "i32", // 0, or -1 and errno
  },
  // <dirent.h>: the layout with 64-bit inode numbers again.
  opendir$INODE64: {
    parameters: [
      "buffer", // const char *name
    ],
    result: "pointer", // DIR *, or NULL and errno
    optional: true,
  },
  readdir$INODE64: {
    parameters: [
      "pointer", // DIR *dirp
    ],
    result: "pointer", // struct dirent *: valid until the next call on it; NULL at the end
    optional: true,
  },
  pwrite: {
    parameters: [
      "i32", // int fd
      "buffer", // const void *buf
      "usize", // size_t nbyte
      "i64", // off_t offset
    ],
    result: "isize", // bytes written, or -1 and errno
  },
  getrlimit: {
    parameters: [
      "i32", // int resource
      "buffer", // struct rlimit *rlp: two words of 64 bits
    ],
    result: "i32", // 0, or -1 and errno
  },
  confstr: {
    parameters: [
      "i32", // int name
      "buffer", // char *buf
      "usize", // size_t len
    ],
    result: "usize", // the length of the value with its NUL, or 0
  },
  // <sys/sysctl.h>
  sysctlbyname: {
    parameters: [
      "buffer", // const char *name
      "buffer", // void *oldp
      "buffer", // size_t *oldlenp
      "pointer", // void *newp, or NULL
      "usize", // size_t newlen
    ],
    result: "i32", // 0, or -1 and errno
  },
  // <libproc.h>
  proc_pidinfo: {
    parameters: [
      "i32", // int pid
      "i32", // int flavor
      "u64", // uint64_t arg
      "buffer", // void *buffer
      "i32", // int buffersize
    ],
    result: "i32", // bytes written, or 0 and errno
  },
  // <pthread.h>
  pthread_threadid_np: {
    parameters: [
      "pointer", // pthread_t thread; NULL: this one
      "buffer", // uint64_t *thread_id
    ],
    result: "i32", // 0, or the error number
  },
  // <libkern/OSCacheControl.h>
  sys_icache_invalidate: {
    parameters: [
      "pointer", // void *start
      "usize", // size_t len
    ],
    result: "void",
  },
  // <mach/mach_vm.h>
  mach_task_self: {
    parameters: [],
    result: "u32", // mach_port_t: always the same
  },
  mach_vm_read_overwrite: {
    parameters: [
      "u32", // vm_map_read_t target_task
      "u64", // mach_vm_address_t address
      "u64", // mach_vm_size_t size
      "u64", // mach_vm_address_t data
      "buffer", // mach_vm_size_t *outsize
    ],
    result: "i32", // KERN_SUCCESS: 0, or another kern_return_t
  },
  // <sys/ulock.h>, private; since macOS 11
  ulockWaitOffThread: {
    name: "__ulock_wait2",
    parameters: [
      "u32", // uint32_t operation
      "u64", // void *addr
      "u64", // uint64_t value
      "u64", // uint64_t timeout, in nanoseconds; 0: none
      "u64", // uint64_t value2: 0
    ],
    result: "i32", // waiters left, or -errno with ULF_NO_ERRNO
    nonblocking: true,
  },
  ulockWake: {
    name: "__ulock_wake",
    parameters: [
      "u32", // uint32_t operation
      "u64", // void *addr
      "u64", // uint64_t wake_value
    ],
    result: "i32", // 0, or -errno with ULF_NO_ERRNO
  },
  // <sys/socket.h>
  accept: {
    parameters: [
      "i32", // int socket
      "pointer", // struct sockaddr *address, or NULL
      "pointer", // socklen_t *address_len, or NULL
    ],
    result: "i32", // descriptor, or -1 and errno
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The type of the symbol table. */
export type SymbolTable = typeof SYMBOLS;

/** The loaded functions; those marked optional may be null. */
export type Libc = Deno.DynamicLibrary<SymbolTable>["symbols"];

/** Loaded on macOS. */
export type DarwinLibc = Deno.DynamicLibrary<typeof DARWIN_SYMBOLS>["symbols"];
