/**
 * The constants of this platform, by their C names. `mod.ts` lists the public ones: those that its
 * calls take.
 *
 * A constant that the platform lacks is `undefined` at run time, so that a call with it alone is a
 * TypeError instead of a silent 0; each doc comment says where one exists.
 */

import { factOf } from "./platform.ts"; // first: it looks whether this is Deno
import * as darwin from "./constants_darwin.ts";
import * as linux from "./constants_linux.ts";

type Constants = Record<keyof typeof linux, number>;

const here = factOf<unknown>({ linux, darwin }) as Constants;

/** The pages cannot be touched. */
export const PROT_NONE: number = here.PROT_NONE;
/** The pages can be read. */
export const PROT_READ: number = here.PROT_READ;
/** The pages can be written. */
export const PROT_WRITE: number = here.PROT_WRITE;
/** The pages can be executed. */
export const PROT_EXEC: number = here.PROT_EXEC;
/** Writes are seen by every mapping of the object and reach it. */
export const MAP_SHARED: number = here.MAP_SHARED;
/** Copy-on-write: writes are seen by this mapping alone. */
export const MAP_PRIVATE: number = here.MAP_PRIVATE;
/** As `MAP_SHARED`, but unknown flags are an error (Linux). */
export const MAP_SHARED_VALIDATE: number = here.MAP_SHARED_VALIDATE;
/** Map exactly at `addr`, over whatever is there. */
export const MAP_FIXED: number = here.MAP_FIXED;
/** No file: zero-filled memory. */
export const MAP_ANONYMOUS: number = here.MAP_ANONYMOUS;
/** Another name of {@linkcode MAP_ANONYMOUS}. */
export const MAP_ANON: number = here.MAP_ANON;
/** The mapping grows downwards, for stacks (Linux). */
export const MAP_GROWSDOWN: number = here.MAP_GROWSDOWN;
/** Ignored by current kernels (Linux). */
export const MAP_DENYWRITE: number = here.MAP_DENYWRITE;
/** Ignored by current kernels (Linux). */
export const MAP_EXECUTABLE: number = here.MAP_EXECUTABLE;
/** Populate and lock the pages as `mlock` does (Linux). */
export const MAP_LOCKED: number = here.MAP_LOCKED;
/** Reserve no swap space for the mapping. */
export const MAP_NORESERVE: number = here.MAP_NORESERVE;
/** Fault the pages in at once (Linux). */
export const MAP_POPULATE: number = here.MAP_POPULATE;
/** With `MAP_POPULATE`: no read-ahead (Linux). */
export const MAP_NONBLOCK: number = here.MAP_NONBLOCK;
/** A hint without effect (Linux). */
export const MAP_STACK: number = here.MAP_STACK;
/** Huge pages from the reserved pool (Linux). */
export const MAP_HUGETLB: number = here.MAP_HUGETLB;
/** Synchronous faults on persistent memory (Linux). */
export const MAP_SYNC: number = here.MAP_SYNC;
/** As `MAP_FIXED`, but EEXIST where something is mapped (Linux 4.17). */
export const MAP_FIXED_NOREPLACE: number = here.MAP_FIXED_NOREPLACE;
/** Schedule the write-back. */
export const MS_ASYNC: number = here.MS_ASYNC;
/** Invalidate other mappings of the file. */
export const MS_INVALIDATE: number = here.MS_INVALIDATE;
/** Write back and wait. */
export const MS_SYNC: number = here.MS_SYNC;
/** No special treatment. */
export const MADV_NORMAL: number = here.MADV_NORMAL;
/** Expect random access. */
export const MADV_RANDOM: number = here.MADV_RANDOM;
/** Expect sequential access. */
export const MADV_SEQUENTIAL: number = here.MADV_SEQUENTIAL;
/** Expect access soon. */
export const MADV_WILLNEED: number = here.MADV_WILLNEED;
/** Drop the pages: private changes are lost. */
export const MADV_DONTNEED: number = here.MADV_DONTNEED;
/** The pages may be dropped under memory pressure. */
export const MADV_FREE: number = here.MADV_FREE;
/** Punch a hole into the file (Linux). */
export const MADV_REMOVE: number = here.MADV_REMOVE;
/** Leave the range out of forked children (Linux). */
export const MADV_DONTFORK: number = here.MADV_DONTFORK;
/** Undo `MADV_DONTFORK` (Linux). */
export const MADV_DOFORK: number = here.MADV_DOFORK;
/** Let the kernel merge equal pages (Linux). */
export const MADV_MERGEABLE: number = here.MADV_MERGEABLE;
/** Undo `MADV_MERGEABLE` (Linux). */
export const MADV_UNMERGEABLE: number = here.MADV_UNMERGEABLE;
/** Prefer transparent huge pages (Linux). */
export const MADV_HUGEPAGE: number = here.MADV_HUGEPAGE;
/** No transparent huge pages (Linux). */
export const MADV_NOHUGEPAGE: number = here.MADV_NOHUGEPAGE;
/** Leave the range out of core dumps (Linux). */
export const MADV_DONTDUMP: number = here.MADV_DONTDUMP;
/** Undo `MADV_DONTDUMP` (Linux). */
export const MADV_DODUMP: number = here.MADV_DODUMP;
/** Zeros in forked children (Linux 4.14). */
export const MADV_WIPEONFORK: number = here.MADV_WIPEONFORK;
/** Undo `MADV_WIPEONFORK` (Linux 4.14). */
export const MADV_KEEPONFORK: number = here.MADV_KEEPONFORK;
/** Reclaim these pages first (Linux 5.4). */
export const MADV_COLD: number = here.MADV_COLD;
/** Reclaim these pages now (Linux 5.4). */
export const MADV_PAGEOUT: number = here.MADV_PAGEOUT;
/** Fault the pages in for reading (Linux 5.14). */
export const MADV_POPULATE_READ: number = here.MADV_POPULATE_READ;
/** Fault the pages in for writing (Linux 5.14). */
export const MADV_POPULATE_WRITE: number = here.MADV_POPULATE_WRITE;
/** Collapse into huge pages now (Linux 6.1). */
export const MADV_COLLAPSE: number = here.MADV_COLLAPSE;
/** The mapping may move (Linux). */
export const MREMAP_MAYMOVE: number = here.MREMAP_MAYMOVE;
/** Move it to `new_address`, over whatever is there (Linux). */
export const MREMAP_FIXED: number = here.MREMAP_FIXED;
/** Leave the old range mapped (Linux 5.7). */
export const MREMAP_DONTUNMAP: number = here.MREMAP_DONTUNMAP;
/** Open for reading. */
export const O_RDONLY: number = here.O_RDONLY;
/** Open for writing. */
export const O_WRONLY: number = here.O_WRONLY;
/** Open for reading and writing. */
export const O_RDWR: number = here.O_RDWR;
/** Create the file if it does not exist. */
export const O_CREAT: number = here.O_CREAT;
/** With `O_CREAT`: fail if it exists. */
export const O_EXCL: number = here.O_EXCL;
/** Take no controlling terminal. */
export const O_NOCTTY: number = here.O_NOCTTY;
/** Truncate to length 0. */
export const O_TRUNC: number = here.O_TRUNC;
/** Write at the end. */
export const O_APPEND: number = here.O_APPEND;
/** Do not wait in `open`. */
export const O_NONBLOCK: number = here.O_NONBLOCK;
/** Fail if it is not a directory. */
export const O_DIRECTORY: number = here.O_DIRECTORY;
/** Fail if it is a symbolic link. */
export const O_NOFOLLOW: number = here.O_NOFOLLOW;
/** Close the descriptor on `exec`. */
export const O_CLOEXEC: number = here.O_CLOEXEC;
/** Duplicate the descriptor, close-on-exec. */
export const F_DUPFD_CLOEXEC: number = here.F_DUPFD_CLOEXEC;
/** Ask which lock of another open file description is in the way. */
export const F_OFD_GETLK: number = here.F_OFD_GETLK;
/** Take or release a lock of an open file description. */
export const F_OFD_SETLK: number = here.F_OFD_SETLK;
/** A shared lock of a range of a file. */
export const F_RDLCK: number = here.F_RDLCK;
/** An exclusive lock of a range of a file. */
export const F_WRLCK: number = here.F_WRLCK;
/** Release the lock of a range of a file. */
export const F_UNLCK: number = here.F_UNLCK;
/** Add seals to a memfd (Linux). */
export const F_ADD_SEALS: number = here.F_ADD_SEALS;
/** Read the seals of a memfd (Linux). */
export const F_GET_SEALS: number = here.F_GET_SEALS;
/** The size cannot be reduced (Linux). */
export const F_SEAL_SHRINK: number = here.F_SEAL_SHRINK;
/** The content cannot be changed (Linux). */
export const F_SEAL_WRITE: number = here.F_SEAL_WRITE;
/** No new writable mapping (Linux 5.1). */
export const F_SEAL_FUTURE_WRITE: number = here.F_SEAL_FUTURE_WRITE;
/** Flush the drive's own cache too (macOS). */
export const F_FULLFSYNC: number = here.F_FULLFSYNC;
/** The descriptor closes on `exec` (Linux). */
export const MFD_CLOEXEC: number = here.MFD_CLOEXEC;
/** Seals may be added (Linux). */
export const MFD_ALLOW_SEALING: number = here.MFD_ALLOW_SEALING;
/** Huge pages from the reserved pool (Linux). */
export const MFD_HUGETLB: number = here.MFD_HUGETLB;
/** Leave the file size as it is (Linux). */
export const FALLOC_FL_KEEP_SIZE: number = here.FALLOC_FL_KEEP_SIZE;
/** Give the blocks back, leaving zeros (Linux). */
export const FALLOC_FL_PUNCH_HOLE: number = here.FALLOC_FL_PUNCH_HOLE;
/** The current working directory. */
export const AT_FDCWD: number = here.AT_FDCWD;
/** An empty path means the descriptor itself (Linux). */
export const AT_EMPTY_PATH: number = here.AT_EMPTY_PATH;
/** Mask of the file type. */
export const S_IFMT: number = here.S_IFMT;
/** A regular file. */
export const S_IFREG: number = here.S_IFREG;
/** A directory. */
export const S_IFDIR: number = here.S_IFDIR;
/** A character device. */
export const S_IFCHR: number = here.S_IFCHR;
/** A block device. */
export const S_IFBLK: number = here.S_IFBLK;
/** Set an attribute of a mapping (Linux). */
export const PR_SET_VMA: number = here.PR_SET_VMA;
/** Name an anonymous mapping (Linux 5.17). */
export const PR_SET_VMA_ANON_NAME: number = here.PR_SET_VMA_ANON_NAME;
/** The page size in bytes. */
export const _SC_PAGESIZE: number = here._SC_PAGESIZE;
/** The number of processors online. */
export const _SC_NPROCESSORS_ONLN: number = here._SC_NPROCESSORS_ONLN;
/** `flock`: an exclusive lock. */
export const LOCK_EX: number = here.LOCK_EX;
/** `flock`: fail instead of waiting. */
export const LOCK_NB: number = here.LOCK_NB;
/** `flock`: give the lock back. */
export const LOCK_UN: number = here.LOCK_UN;
/** The signal of an access to a page that the object does not have. */
export const SIGBUS: number = here.SIGBUS;
/** The signal of an access that the mapping forbids. */
export const SIGSEGV: number = here.SIGSEGV;
/** `sigaction`: the handler takes three arguments. */
export const SA_SIGINFO: number = here.SA_SIGINFO;
/** `sigaction`: the handler runs on the alternate stack. */
export const SA_ONSTACK: number = here.SA_ONSTACK;
/** An unnamed file in a directory (Linux). */
export const O_TMPFILE: number = here.O_TMPFILE;
/** Follow a symbolic link. */
export const AT_SYMLINK_FOLLOW: number = here.AT_SYMLINK_FOLLOW;
/** Unix domain sockets. */
export const AF_UNIX: number = here.AF_UNIX;
/** A stream socket. */
export const SOCK_STREAM: number = here.SOCK_STREAM;
/** `socket`, `accept4`: calls do not wait (Linux). */
export const SOCK_NONBLOCK: number = here.SOCK_NONBLOCK;
/** `socket`, `accept4`: the descriptor closes on `exec` (Linux). */
export const SOCK_CLOEXEC: number = here.SOCK_CLOEXEC;
/** The level of socket-wide options and messages. */
export const SOL_SOCKET: number = here.SOL_SOCKET;
/** A control message that passes descriptors. */
export const SCM_RIGHTS: number = here.SCM_RIGHTS;
/** `sendmsg`: no SIGPIPE. */
export const MSG_NOSIGNAL: number = here.MSG_NOSIGNAL;
/** `recvmsg`: received descriptors close on `exec` (Linux). */
export const MSG_CMSG_CLOEXEC: number = here.MSG_CMSG_CLOEXEC;
/** `poll`: there is something to read. */
export const POLLIN: number = here.POLLIN;
/** Do not follow a symbolic link. */
export const AT_SYMLINK_NOFOLLOW: number = here.AT_SYMLINK_NOFOLLOW;
/** The number of the system call `futex` (Linux). */
export const SYS_futex: number = here.SYS_futex;
/** The number of the system call `futex_waitv` (Linux 5.16). */
export const SYS_futex_waitv: number = here.SYS_futex_waitv;
/** The number of the system call `gettid` (Linux). */
export const SYS_gettid: number = here.SYS_gettid;
/** `futex`: wait while the word has a value (Linux). */
export const FUTEX_WAIT: number = here.FUTEX_WAIT;
/** `futex`: wake waiters (Linux). */
export const FUTEX_WAKE: number = here.FUTEX_WAKE;
/** `futex_waitv`: a word of 32 bits (Linux). */
export const FUTEX2_SIZE_U32: number = here.FUTEX2_SIZE_U32;
/** `futex_waitv`: a word of this process alone (Linux). */
export const FUTEX2_PRIVATE: number = here.FUTEX2_PRIVATE;
/** The clock that is never set. */
export const CLOCK_MONOTONIC: number = here.CLOCK_MONOTONIC;
/** `os_sync_wait_on_address`: memory shared between processes (macOS). */
export const OS_SYNC_SHARED: number = here.OS_SYNC_SHARED;
/** `__ulock_wait`: 32 bits, shared between processes (macOS). */
export const UL_COMPARE_AND_WAIT_SHARED: number = here.UL_COMPARE_AND_WAIT_SHARED;
/** `__ulock_wait`: return the error number, negative (macOS). */
export const ULF_NO_ERRNO: number = here.ULF_NO_ERRNO;
/** The signal of a file that would get longer than RLIMIT_FSIZE allows. */
export const SIGXFSZ: number = here.SIGXFSZ;
/** `sigprocmask`: add to the signals that are blocked. */
export const SIG_BLOCK: number = here.SIG_BLOCK;
/** `sigprocmask`: block these signals and no others. */
export const SIG_SETMASK: number = here.SIG_SETMASK;
/** `pwritev2`: write at the present end of the file (Linux 4.16). */
export const RWF_APPEND: number = here.RWF_APPEND;
/** `lseek`: to the next bytes that are not a hole. */
export const SEEK_DATA: number = here.SEEK_DATA;
/** Open a location in the file system, not the file itself (Linux). */
export const O_PATH: number = here.O_PATH;
/** `fstatfs`: memory of `memfd_secret` (Linux 5.14). */
export const SECRETMEM_MAGIC: number = here.SECRETMEM_MAGIC;
/** `fstatfs`: files that are made of huge pages. */
export const HUGETLBFS_MAGIC: number = here.HUGETLBFS_MAGIC;
/** `fstatfs`: files in memory, such as those of /dev/shm and memfds. */
export const TMPFS_MAGIC: number = here.TMPFS_MAGIC;
