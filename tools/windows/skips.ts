/** The tests that cannot run on Windows, and why. What is wrong with the module stays a failure. */

import type { Skip } from "../_skips.ts";
import { SKIPS_ON_WINDOWS } from "./skips_on_windows.ts";

export const SKIPS: readonly Skip[] = [
  ...SKIPS_ON_WINDOWS,
  {
    reason: "every call of ./libc is refused on Windows, which has no libc",
    refused: "Cannot call libc on Windows",
    files: [
      "tests/ffi/libc_files_test.ts",
      "tests/ffi/libc_memory_test.ts",
      "tests/ffi/libc_test.ts",
      "tests/ffi/symbols_test.ts",
    ],
    except: [
      "no symbol is declared without the way its failure is told",
      "open() does not take a path with a NUL for a shorter one",
    ],
    tests: [
      "--allow-ffi with libc's path is refused with a sentence that says what is needed",
      "jsr:@mmap/mmap/libc works from a registry with --allow-ffi alone",
      "MmapRegion.fromFd() maps memory that a memfd holds",
      "MmapRegion.resize() of an O_APPEND descriptor with",
      "mincore() throws TypeError for a vec with too few bytes, and for no other one",
      "checkCount() gives the count as a number and throws errno for -1",
      "checkErrno() lets 0 pass and throws the number that it is given",
      "checkPointer() lets an address pass and throws errno for MAP_FAILED",
      "checkZero() lets 0 pass and throws errno for -1",
      "errnoText() of an unknown number is what libc makes of it",
      "isSystemError() is true for system errors and false for everything else",
      "open() fails as Deno.openSync() does: same class, code and message",
      "platform() is one frozen record",
      "required() gives the symbol back, or throws NotSupported ENOSYS",
      "systemError() ",
      "threadErrno is the number of the call that failed last",
      "MmapRegion.fromFd() takes the same options",
      "MmapRegion.repair() heals a region that was made with MAP_FIXED_NOREPLACE",
      "MmapRegion.resize() of an O_APPEND descriptor with allocate true",
      "MmapRegion.fromFd() throws EBADF for a descriptor that was closed",
      "raw_mmap.ts calls mmap and munmap with each of their parameters",
      "beyond_the_file.ts opens no region beyond its file, and survives truncation",
      "munmap_address.ts fails with a moved address, and a region cannot",
      "mlock() and MAP_LOCKED fail by name at the limit of locked memory",
      "open(), memfd_create() and shm_open() throw EMFILE when no descriptor is left",
      "ftruncate() throws EFBIG beyond the limit of file sizes, and there is no signal",
    ],
  },
  {
    reason:
      "sharedBuffer() and wasmMemory() are refused: V8 would free such memory itself on Windows",
    refused: "Cannot share region as a SharedArrayBuffer on Windows",
    files: ["tests/sharing/wasm_test.ts"],
    tests: [
      "A fault dies that lies where a terminated Worker's sharedBuffer() was",
      "Atomics.wait() in a Worker is woken through a shared buffer",
      "Atomics.waitAsync() is woken by a Worker through a shared buffer",
      "MmapRegion is guarded where a terminated Worker's sharedBuffer() was",
      "MmapRegion.close() leaves a Worker that reads a truncated file by its sharedBuffer() alive",
      "MmapRegion.close() leaves zeros in the shared buffer, out of reach of the file",
      "MmapRegion.resize() heals the shared buffer too",
      "MmapRegion.resize() makes a new shared buffer",
      "MmapRegion.sharedBuffer() ends in zeros that reach no file",
      "MmapRegion.sharedBuffer() is the region's memory, rounded up",
      "MmapRegion.wasmMemory() has the region's pages and no more",
      "MmapRegion.wasmMemory() lets WebAssembly work on a file in place",
      "MmapRegion.wasmMemory() of 4 GiB still has 32-bit addresses",
      "MmapRegion.wasmMemory() of more than 4 GiB has 64-bit addresses",
      "Two threads that touch the same missing pages lose nothing",
      "WebAssembly sees zeros after close, and reaches the file no more",
      "a shared buffer in a Worker reads zeros after close",
      "a shared buffer is posted to Workers without copying",
      "a shared buffer keeps a region open that nobody closed, until both are forgotten",
      "sharedBuffer() of a terminated Worker stays guarded for who was given it",
      "webassembly/main.ts works on its file in place",
      "primitives whose page is lost: shared buffers, also in a Worker",
      "MmapRegion absorbs a write to missing pages of a read-only region's sharedBuffer()",
      "MmapRegion survives faults in WebAssembly code over wasmMemory() and in its buffer",
    ],
  },
  {
    reason: "fromFd() is refused: no number of Deno's leads to a file on Windows",
    refused: "on Windows, where no number of Deno's leads to a file",
    files: ["tests/region/from_fd_test.ts"],
    tests: [
      "MmapRegion.fromFd() cannot map directories, pipes, sockets and /dev/null",
      "MmapRegion.fromFd() does not wrap a descriptor into 32 bits",
    ],
  },
  {
    reason: "mmap residency is refused: Windows tells a program about its own pages alone",
    refused: "Cannot tell which pages are in memory: windows tells a program about its own pages",
    tests: [
      "mmap residency --json lists the pages in memory as runs",
      "mmap residency --width",
      "mmap residency FILE ",
      "mmap residency is 64 columns wide by default",
    ],
  },
  {
    reason: "mmap rm is refused for what others have made: their names go with them",
    refused: "on Windows: its name goes when its creator closes it",
    tests: ["mmap rm removes objects whoever made them, and is silent"],
  },
  {
    reason: "Windows shows no shared memory of other programs than this module's",
    tests: [
      "mmap dump reads shared memory that Python made",
      "mmap info and mmap dump take shared memory that has no size yet",
      "mmap info tells of foreign shared memory that its owner is not known",
      "mmap ls shows a plain file in /dev/shm as foreign",
      "mmap ls shows what Python made as foreign",
    ],
  },
  {
    reason: "flags are refused: the calls of Windows have none",
    refused: "with flags on Windows, which has none",
    tests: [
      "MmapRegion.attach() refuses flags that other options stand for",
      "MmapRegion.fromFd() refuses flags that other options stand for",
      "MmapRegion.open() refuses flags that other options stand for",
      "MmapRegion.open() with MAP_FIXED_NOREPLACE throws if the address is taken",
    ],
  },
  {
    reason: "devices are refused: Windows maps files alone",
    refused: "Cannot map a device on Windows",
    files: ["tests/region/devices_test.ts"],
    except: ["MmapRegion.open() with truncate throws NotSupported for what has no size"],
    tests: [
      "MmapRegion.open() cannot map devices without memory",
      "JSON.stringify() gives null for a MmapRegion of a device",
      "MmapRegion.discard() zeroes a mapping of a device",
      "MmapRegion.open() of /dev/zero gives anonymous memory",
      "MmapRegion.resize() throws NotSupported for a device",
      "handle() throws NotSupported for a device",
    ],
  },
  {
    reason: "Windows has no /dev/zero; Wine shows that of Linux",
    tests: ["dev_zero.ts gets zeroed memory that is nobody else's"],
  },
  {
    reason: "the test calls libc itself, which Windows has not",
    tests: [
      "open() throws PermissionDenied EACCES for a user without rights",
      "MmapRegion.wasmMemory() of memory that others have sealed leaves it as it is",
      "readChunk() reads the mapping itself where the system has no call for it",
      "MmapRegion.resize() of an O_APPEND descriptor that fails",
      "libc() throws NotSupported and lists what it tried if libc cannot be opened",
    ],
  },
  {
    reason: "it is about POSIX systems that lack a call",
    files: ["tests/mapping/transfer_test.ts"],
    tests: [
      "MmapRegion.discard() of a file from an odd byte on works without fallocate and process_vm",
      "MmapRegion.discard() of a file works without fallocate and process_vm",
      "MmapRegion.discard() of a file, copy-on-write works without fallocate and process_vm",
      "MmapRegion.discard() of anonymous private memory works without fallocate and process_vm",
      "MmapRegion.discard() of anonymous shared memory works without fallocate and process_vm",
      "MmapRegion.discard() throws the system error of a hole that fails",
      "MmapRegion.discard() zeroes where the file system has no holes",
      "MmapRegion.resize() of a file from an odd byte on works without mremap, too",
      "MmapRegion.resize() of a file works without mremap, too",
      "MmapRegion.resize() of a file, copy-on-write works without mremap, too",
      "MmapRegion.resize() of anonymous private memory works without mremap, too",
      "MmapRegion.resize() of anonymous shared memory works without mremap, too",
      "MmapRegion.resize() without mremap moves whole copied pages",
    ],
  },
  {
    reason: "no program on Windows gives a number of a descriptor to its child",
    tests: ["a child maps a descriptor that it inherited"],
  },
  {
    reason: "Windows has no FIFOs, no shell and no Unix programs",
    tests: [
      "A program here works if its user answers",
      "A program inWorkerToo works if its user answers",
      "A program works with a permission broker",
      "errors.ts names the error, the call and the class of each failure",
      "MmapRegion.attach() does not wait at a FIFO in the file's place",
      "MmapRegion.attach() finds a file whose name is no UTF-8, by its owner",
      "a child maps what a shell opened for it",
    ],
  },
  {
    reason: "they expect what is refused beyond doubt, and another error for the rest",
    tests: [
      "MmapRegion.wasmMemory() and sharedBuffer() refuse what cannot be shared",
      "MmapRegion.wasmMemory() and sharedBuffer() throw RangeError beyond 16 GiB",
    ],
  },
  {
    reason: "no file that is mapped can be made shorter on Windows",
    tests: [
      "MmapRegion.resize() that fails takes its extension back",
    ],
  },
  {
    reason: "Wine makes no file where a link leads to nothing",
    tests: [
      "MmapRegion.attach() finds a file at whose path is a circle of links",
      "MmapRegion.attach() finds a file at whose path is a dangling link",
      "MmapRegion.attach() finds a file at whose path is a link to elsewhere",
      "MmapRegion.open() with create follows links that lead to links, and to nothing",
      "MmapRegion.open() with create makes the target of a dangling link",
    ],
  },
  {
    reason: "the test looks at /proc",
    tests: [
      "AppendLog fills huge pages one by one, and reads what it has filled as any file",
      "MmapRegion.open() maps another process's descriptor by /proc/PID/fd",
      "MmapRegion.anonymous() shows the label",
      "MmapRegion.anonymous() with reserve false reserves no swap space",
      "MmapRegion.open() with populate marks no page of a shared file as changed",
      "the label of anonymous memory is seen in /proc/self/maps",
      "zero_copy.ts moves nothing by read() and write()",
    ],
  },
  {
    reason: "Deno for Windows has no Unix sockets",
    tests: ["MmapRegion.open() cannot open a socket"],
  },
  {
    reason: "other modes of shared memory than 0o600 are refused on Windows",
    refused: "with that mode on Windows",
    tests: ["MmapRegion.named() gives an object its mode, less the umask"],
  },
  {
    reason: "Windows tells what this process uses, and not what is in memory",
    tests: [
      "MmapRegion.discard() takes shared pages out of memory",
      "MmapRegion.stats() counts the pages that were touched",
      "MmapRegion.stats() tells what other processes map too",
    ],
  },
  {
    reason: "Wine does not tell which pages are locked",
    tests: ["MmapRegion.stats() counts what is locked"],
  },
  {
    reason: "doorbells are Linux's: Windows wakes an isolate by its event",
    files: ["tests/channel/doorbells_test.ts"],
    except: ["Channel.receive() leaves nothing that Deno's sanitizers find"],
  },
  {
    reason: "Windows commits memory when it is made",
    files: ["tests/channel/reserved_test.ts"],
    tests: [
      "MmapRegion.anonymous() gives 1 TiB of private memory",
      "MmapRegion.resize() of shared memory takes no memory before it is touched",
    ],
  },
  {
    reason: "a file gets zeros on Windows, and no holes",
    tests: ["MmapRegion.discard() gives the blocks of a file back and keeps its size"],
  },
  {
    reason: "Windows has no modes",
    tests: [
      "MmapRegion.open() with mode gives the permissions of a new file",
      "MmapRegion.open() with mode leaves the permissions of an old file",
    ],
  },
  {
    reason:
      "Wine makes a file longer by a byte behind its new end and cuts that off, with what others append then",
    tests: ["MmapRegion.open() and resize() beside a process that appends lose nothing"],
  },
  {
    reason: "Wine gives all of a view, whatever of its section was committed",
    tests: ["MmapRegion.repair() of write-sealed memory heals what was touched behind its end"],
  },
  {
    reason: "Wine tells another volume of a file once a folder has the path that it was opened by",
    tests: ["MmapRegion.attach() finds a file at whose path is a directory"],
  },
  {
    reason: "the test gives up its rights as Unix does",
    tests: [
      "MmapRegion.attach() throws PermissionDenied for another user's memory",
    ],
  },
  {
    reason: "Windows has no user numbers",
    tests: [
      "receiveRegion() gets another user's region where the socket lets it in",
      "receiveRegion() throws PermissionDenied at another user's socket",
      "sendRegion() of another user reaches root",
      "sendRegion() says so if it may not make a socket there",
    ],
  },
  {
    reason: "names of shared memory are no files on Windows, which permissions are for",
    tests: ["a denied /dev/shm has no named memory"],
  },
  {
    reason: "nobody but this module seals or cuts shared memory on Windows",
    tests: [
      "MmapRegion.repair() and resize() of memory that others have sealed",
      "MmapRegion.repair() of write-sealed memory heals it after somebody else has cut it",
      "MmapRegion.resize() of memory that others have sealed",
    ],
  },
  {
    reason: "a name goes with its creator on Windows: no owner files say whose it is",
    tests: [
      "MmapRegion.named() refuses an object that another program left empty",
      "MmapRegion.reap() believes no owner file of another user",
      "MmapRegion.reap() does not believe an owner file of another name",
      "MmapRegion.reap() leaves a newer object that took over the name",
      "MmapRegion.reap() leaves an object as long as one of its owners is alive",
      "MmapRegion.reap() never touches what other programs made",
      "MmapRegion.reap() removes owner files whose object is gone",
      "MmapRegion.reap() takes no other process of the number for the owner",
      "MmapRegion.reap() takes no process of another boot for the owner",
      "close() of a region whose name another program has removed is silent",
    ],
  },
  {
    reason: "a file that is open keeps its name on Windows",
    tests: [
      "MmapRegion.attach() finds a file whose directory became a file or a socket",
      "a denied file stays denied once it is removed",
      "followLines() follows a link that took the place of a file",
      "followLines() takes a file that was removed and made again",
    ],
  },
  {
    reason:
      "they call the handler or make its table in the way of POSIX; windows_test.ts does it here",
    files: ["tests/guard/absorb_test.ts", "tests/guard/foreign_handler_test.ts"],
    tests: ["native code that comes too late meets zeros, and takes no more than some MiB"],
  },
  {
    reason: "Windows has no limits of resources, no mounts and no namespaces",
    files: [
      "tests/safety/data_limit_test.ts",
      "tests/safety/size_limit_test.ts",
      "tests/safety/without_proc_test.ts",
    ],
    tests: ["resize() changes nothing where it cannot leave used memory to its users"],
  },
  {
    reason: "buffers do not tell on Windows when their last holder is gone",
    files: ["tests/safety/worker_ends_test.ts"],
    tests: [
      "a Worker's descriptors for locks are used again, and end with its thread",
      "consumers of bytes (",
    ],
  },
  {
    reason: "they call functions of libc, which Windows does not have",
    tests: [
      "posix_shared_memory.ts is found by its name until its owner closes it",
    ],
  },
  {
    reason: "Windows has no signals that a process sends",
    tests: [
      "SIGBUS that another process sends ends the process",
      "SIGSEGV that another process sends ends the process",
    ],
  },
  {
    reason: "Python is not there under Wine",
    tests: [
      "MmapRegion lives where Python's mmap dies of the same truncation",
      "model_server.ts gets results of",
      "python_records.ts shares a record and numbers with Python",
    ],
  },
  {
    reason:
      "Wine puts zeros where a view comes before it maps the file there; Windows has one step",
    tests: ["the guard of Windows replaces pages under readers, who see no wrong byte"],
  },
  {
    reason: "no other language, compiler or tool is there under Wine",
    tests: [
      "a region maps what numpy has written to a file, and numpy sees its changes",
      "a region outlives the name that Python's resource tracker removes",
      "no attacher of this module removes Python's shared memory",
      "numpy.ts lets numpy calculate on its memory",
      "talk.ts shares memory with Node",
      "talk.ts shares memory with Python",
      "Node shares memory that it has made with all others",
      "Python mmap shares memory that it has made with all others",
      "Python shared_memory shares memory that it has made with all others",
      "cHeader() gives headers that g++",
      "constants_linux has the values of",
      "errnoName() and errnoText() say what libc says",
      "errnoName() knows every number that the calls of this module are documented to give",
      "pythonCtypes() gives classes with the same sizes and offsets",
      "rustStruct() gives source that rustc compiles",
      "what the table calls impossible does not work",
    ],
  },
  {
    reason: "its C program calls mmap() of POSIX, which Windows has not",
    tests: [
      "C shares memory that it has made with all others",
      "a child of a C program maps the descriptor that it inherited",
      "person_reader.c reads what struct_writer.ts wrote",
      "pthread_mutex.ts counts with a C program under its mutex",
      "struct_reader.ts reads what person_writer.c wrote",
      "talk.ts shares memory with C, both ways",
    ],
  },
  {
    reason: "it is about macOS alone",
    tests: [
      "copy-on-write memory survives a truncated file without a guard on macOS",
      "guard_handler of macOS",
    ],
  },
  {
    reason: "names of shared memory are no files on Windows, and have no users",
    tests: [
      "MmapRegion.named() and unlink() leave alone what a symbolic link leads to",
      "MmapRegion.named() of another user is refused",
    ],
  },
  {
    reason: "the test has a file system or a limit that is Linux's",
    tests: [
      "a Mutex does not go on alone where a stray write made all of its region a copy",
      "receiveRegion() throws NotSupported for memory of memfd_secret",
      "MmapRegion of a block device",
      "MmapRegion works without a guard where the kernel denies executable memory",
      "the guard comes on without /proc",
      "MmapRegion of a file of huge pages",
      "MmapRegion.fromFd() throws NotSupported for memory of memfd_secret",
      "MmapRegion.named() reserves its memory, or throws ENOSPC and leaves nothing",
      "MmapRegion.open() and attach() cannot reach a secret",
      "MmapRegion.resize() within `reserve` leaves the object alone if the region cannot be healed",
      "MmapRegion.open() with allocate finds out that tmpfs is too small",
    ],
  },
  {
    reason: "the option, lease or advice is Linux's",
    tests: [
      "MmapRegion.open() asks for huge pages where a large file is new and has its blocks, unless told",
      "where there are no such locks, threads are known by number, time and namespaces",
      "MmapRegion.open() with MAP_LOCKED throws EAGAIN beyond the limit",
      "MmapRegion.protect() throws ENOMEM beyond the number of mappings",
      "MmapRegion.populateSync() and populate() copy private pages around those that forbid it",
      "MmapRegion.populateSync() works on a kernel that has no MADV_POPULATE",
    ],
  },
  {
    reason: "its memory can be written and executed at once on Windows",
    tests: [
      "MmapRegion.protect() and open() throw NotSupported for writable code on Apple silicon",
    ],
  },
  {
    reason: "the programs of several files in the guides are for Linux: shells, C and Python",
    tests: ["channels", "collections", "python", "recipes", "search", "sharing", "structs", "sync"]
      .map((guide) => `docs/${guide}.md, "`),
  },
  {
    reason: "Node and Bun are not there",
    files: ["tests/consumer/elsewhere_test.ts"],
    tests: [],
  },
];
