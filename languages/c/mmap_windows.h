/*
 * What the headers of @mmap/mmap need of Windows: included by mmap_sync.h. Link no library but those
 * that compilers link anyway.
 *
 * Memory that is no file is a section with a name, "Local\mmap.INODE", in front of whose data are
 * 65536 bytes:
 *
 *   offset  bytes  what
 *   0       4      "WMM2"; 0: not made yet
 *   4       4      bit 0: its size may not shrink; bit 1: others may not write
 *   8       8      the size of the data
 *   32      8      INODE, random
 *
 * The DEVICE of a section is 2^32; that of a file is its volume's number, and its INODE the file's.
 *
 * A token is a mutex that its thread owns, "Global\mmap.token.DEVICE.INODE.NUMBER". It is a dead
 * holder's if nobody owns it, or if it is not there. Bits 0 to 21 of FINGERPRINT are a quarter of the
 * thread's number, the others random. As long as a file has tokens, each of their holders has byte
 * 2^62 locked for reading (LockFileEx): programs for Linux and macOS look at that, whose tokens are
 * locks of bytes from 2^62 + 2^32 on, which are looked for while byte 2^62 + 1 is locked.
 *
 * Who waits for a word has a slot in the section "Local\mmap.sleepers.2". Its 256 buckets have 528 words
 * each: the number of its sleepers, 15 unused ones, and 64 slots of 8 words:
 *
 *   word  what
 *   0     0: free; bit 30: a thread fills it, whose number the others are; or else bits 0-1: 1: waits,
 *         2: woken, and bits 2-29: a number that each use of the slot has anew
 *   1, 2  the KEY of the word that is waited for
 *   3     the sleeper's thread
 *   4     its event is "Local\mmap.wake.THREAD.NUMBER", where this is NUMBER (unsigned)
 *   5     the slot's last use
 *   6, 7  OFFSET, for display only
 *
 * The KEY is a hash of the text "DEVICE INODE OFFSET", where OFFSET is that of the word in the data
 * (mmap_key_of). A sleeper fills its slot, adds 1 to the bucket's number, sets word 0, and only then
 * looks at its word. Who wakes has changed the word, and then looks at the bucket: so one of them sees
 * the other. The words of files are looked at every 50 ms too, since other sessions have other tables.
 */

#ifndef MMAP_WINDOWS_H
#define MMAP_WINDOWS_H

#include "mmap_handle.h"

#include <errno.h>
#include <time.h>
#include <windows.h>

/* ---- What a process has once, however many files include this ---- */

/* Memory that was mapped, and what it is of. */
typedef struct mmap_view {
  struct mmap_view *next;
  char *memory;
  size_t length;
  void *mapped;
  uint64_t device, inode, offset;
} mmap_view;

/* What wakes a sleeper. The handles lead to the thread and its event, whoever gets its number later. */
typedef struct {
  HANDLE event, thread_handle;
  uint32_t thread, number;
} mmap_sleeper;

#define MMAP_KNOWN_SLEEPERS 64

typedef struct {
  INIT_ONCE once;
  SRWLOCK lock; /* of the views and the known sleepers */
  mmap_view *views;
  int32_t *table; /* of sleepers; NULL: another user's */
  DWORD own;      /* where each thread has its mmap_sleeper (Fls) */
  LONG(NTAPI *query_mutant)(HANDLE, int, void *, ULONG, ULONG *);
  mmap_sleeper known[MMAP_KNOWN_SLEEPERS];
} mmap_process;

#ifdef __cplusplus
#error "mmap_windows.h is C"
#endif
__declspec(selectany) mmap_process mmap_this_process = {.lock = SRWLOCK_INIT};

#define MMAP_TABLE_BUCKETS 256
#define MMAP_TABLE_SLOTS 64
#define MMAP_SLOT_WORDS 8
#define MMAP_BUCKET_WORDS (16 + MMAP_TABLE_SLOTS * MMAP_SLOT_WORDS)

static inline void NTAPI mmap_sleeper_forget(void *sleeper) {
  if (sleeper == NULL) return;
  CloseHandle(((mmap_sleeper *)sleeper)->event);
  free(sleeper);
}

static inline BOOL CALLBACK mmap_process_begin(INIT_ONCE *once, void *parameter, void **context) {
  mmap_process *process = &mmap_this_process;
  DWORD bytes = MMAP_TABLE_BUCKETS * MMAP_BUCKET_WORDS * sizeof(int32_t);
  (void)once, (void)parameter, (void)context;
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, bytes,
                                      "Local\\mmap.sleepers.2");
  /* The section stays open: the name is the handle's. */
  if (section != NULL) process->table = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, bytes);
  process->own = FlsAlloc(mmap_sleeper_forget);
  FARPROC query = GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtQueryMutant");
  memcpy(&process->query_mutant, &query, sizeof query);
  return process->own != FLS_OUT_OF_INDEXES && query != NULL;
}

/* NULL: there is no memory for it. */
static inline mmap_process *mmap_process_of_all(void) {
  BOOL done = InitOnceExecuteOnce(&mmap_this_process.once, mmap_process_begin, NULL, NULL);
  return done ? &mmap_this_process : NULL;
}

static inline int mmap_last_errno(void) {
  switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND: return ENOENT;
    case ERROR_ACCESS_DENIED: return EACCES;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_COMMITMENT_LIMIT: return ENOMEM;
    case ERROR_INVALID_HANDLE: return EBADF;
    case ERROR_INVALID_PARAMETER: return EINVAL;
    default: return EIO;
  }
}

/* Random bits. */
BOOLEAN NTAPI SystemFunction036(void *bytes, ULONG count);

/* ---- Objects and their memory ---- */

/* A file or shared memory that is open: the HANDLE of a file, or of a section of this module's. */
typedef HANDLE mmap_object;
#define MMAP_NO_OBJECT INVALID_HANDLE_VALUE

#define MMAP_SECTION_DEVICE ((uint64_t)1 << 32)
#define MMAP_SECTION_HEADER 65536

typedef struct {
  uint64_t device, inode, size;
  int others_may_not_write;
} mmap_identity;

/* What a section says of itself; 0: it is none of this module's. */
static inline int mmap_identify_section(HANDLE section, mmap_identity *identity) {
  const char *header = MapViewOfFile(section, FILE_MAP_READ, 0, 0, MMAP_SECTION_HEADER);
  if (header == NULL) return 0;
  MEMORY_BASIC_INFORMATION area;
  int is_mine = VirtualQuery(header, &area, sizeof area) != 0 && area.State == MEM_COMMIT;
  is_mine = is_mine && __atomic_load_n((const int32_t *)header, __ATOMIC_SEQ_CST) == 0x324d4d57;
  if (is_mine) {
    identity->device = MMAP_SECTION_DEVICE;
    identity->others_may_not_write = (((const int32_t *)header)[1] & 2) != 0;
    identity->size = ((const uint64_t *)header)[1];
    identity->inode = ((const uint64_t *)header)[4];
  }
  UnmapViewOfFile(header);
  return is_mine;
}

/* 0: it is neither a file nor a section of this module's. */
static inline int mmap_identify(mmap_object object, mmap_identity *identity) {
  BY_HANDLE_FILE_INFORMATION status;
  if (mmap_identify_section(object, identity)) return 1; /* first: Wine takes a section for a file */
  if (!GetFileInformationByHandle(object, &status)) return 0;
  identity->device = status.dwVolumeSerialNumber;
  identity->inode = (uint64_t)status.nFileIndexHigh << 32 | status.nFileIndexLow;
  identity->size = (uint64_t)status.nFileSizeHigh << 32 | status.nFileSizeLow;
  identity->others_may_not_write = 0;
  return 1;
}

/* Opens a file, whose path is in UTF-8; MMAP_NO_OBJECT and errno if it cannot. */
static inline mmap_object mmap_open(const char *path) {
  wchar_t wide[MMAP_PATH_BYTES];
  HANDLE file = INVALID_HANDLE_VALUE;
  if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, MMAP_PATH_BYTES) != 0) {
    DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    file = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, share, NULL, OPEN_EXISTING,
                       FILE_ATTRIBUTE_NORMAL, NULL);
  }
  if (file == INVALID_HANDLE_VALUE) errno = mmap_last_errno();
  return file;
}

static inline void mmap_close(mmap_object object) {
  CloseHandle(object);
}

/* Maps a part of it, from any byte on. Returns NULL and errno if it cannot. */
static inline void *mmap_map(mmap_object object, uint64_t offset, size_t length) {
  mmap_identity identity;
  mmap_process *process = mmap_process_of_all();
  mmap_view *view = malloc(sizeof *view);
  int is_known = process != NULL && view != NULL && mmap_identify(object, &identity);
  if (!is_known) {
    free(view);
    errno = process == NULL || view == NULL ? ENOMEM : EBADF;
    return NULL;
  }
  int is_section = identity.device == MMAP_SECTION_DEVICE;
  uint64_t start = offset + (is_section ? MMAP_SECTION_HEADER : 0);
  size_t lead = start % 65536; /* where a view may begin */
  HANDLE section = object;
  if (!is_section) section = CreateFileMappingA(object, NULL, PAGE_READWRITE, 0, 0, NULL);
  view->mapped = section == NULL ? NULL
                                 : MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE,
                                                 (DWORD)((start - lead) >> 32),
                                                 (DWORD)(start - lead), lead + length);
  if (view->mapped == NULL) errno = mmap_last_errno();
  if (!is_section && section != NULL) CloseHandle(section);
  if (view->mapped == NULL) {
    free(view);
    return NULL;
  }
  view->memory = (char *)view->mapped + lead;
  view->length = length;
  view->device = identity.device;
  view->inode = identity.inode;
  view->offset = offset;
  AcquireSRWLockExclusive(&process->lock);
  view->next = process->views;
  process->views = view;
  ReleaseSRWLockExclusive(&process->lock);
  return view->memory;
}

static inline void mmap_unmap(void *memory, size_t length) {
  mmap_view **at = &mmap_this_process.views, *view;
  (void)length;
  AcquireSRWLockExclusive(&mmap_this_process.lock);
  while (*at != NULL && (*at)->memory != memory) at = &(*at)->next;
  view = *at;
  if (view != NULL) *at = view->next;
  ReleaseSRWLockExclusive(&mmap_this_process.lock);
  if (view != NULL) UnmapViewOfFile(view->mapped);
  free(view);
}

/* Whether it is the object that a handle names, at its full size. */
static inline int mmap_is_object(const char *handle, mmap_object object) {
  mmap_identity identity;
  return mmap_identify(object, &identity) && !identity.others_may_not_write &&
         mmap_handle_number(handle, "device") == identity.device &&
         mmap_handle_number(handle, "inode") == identity.inode &&
         mmap_handle_end(handle) <= identity.size;
}

/* What the process that made a handle has open. */
static inline mmap_object mmap_open_of_process(const char *handle) {
  HANDLE maker = OpenProcess(PROCESS_DUP_HANDLE, FALSE, (DWORD)mmap_handle_number(handle, "pid"));
  HANDLE theirs = (HANDLE)(uintptr_t)mmap_handle_number(handle, "fd"), mine = NULL;
  if (maker == NULL) return MMAP_NO_OBJECT;
  if (!DuplicateHandle(maker, theirs, GetCurrentProcess(), &mine, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
    mine = MMAP_NO_OBJECT;
  }
  CloseHandle(maker);
  return mine;
}

/* The object, if it is the one that a handle names; otherwise it is closed. */
static inline mmap_object mmap_only_object(const char *handle, mmap_object object) {
  if (object == MMAP_NO_OBJECT || mmap_is_object(handle, object)) return object;
  mmap_close(object);
  return MMAP_NO_OBJECT;
}

/* Opens the object of a handle by its path or name, or else through the process that made the handle.
 * Returns MMAP_NO_OBJECT if it cannot. */
static inline mmap_object mmap_open_handle(const char *handle) {
  char kind[16], path[MMAP_PATH_BYTES];
  mmap_object object = MMAP_NO_OBJECT;
  if (!mmap_handle_field(handle, "kind", kind, sizeof kind)) return MMAP_NO_OBJECT;
  if (strcmp(kind, "file") == 0) {
    if (mmap_handle_field(handle, "path", path, sizeof path)) object = mmap_open(path);
  } else {
    snprintf(path, sizeof path, "Local\\mmap.%llu",
             (unsigned long long)mmap_handle_number(handle, "inode"));
    HANDLE section = OpenFileMappingA(FILE_MAP_READ | FILE_MAP_WRITE, FALSE, path);
    if (section != NULL) object = section;
  }
  object = mmap_only_object(handle, object);
  if (object != MMAP_NO_OBJECT) return object;
  return mmap_only_object(handle, mmap_open_of_process(handle));
}

/* ---- Waiting ---- */

typedef struct {
  uint32_t low, high;
  uint64_t offset;
  int is_file;
} mmap_key;

/* What a word is called in the table; 0: mmap_map has not mapped it. */
static inline int mmap_key_of(mmap_process *process, const int32_t *word, mmap_key *key) {
  char text[64] = "";
  const char *at = (const char *)word;
  *key = (mmap_key){.low = 0x811c9dc5, .high = 0x9747b28c};
  AcquireSRWLockShared(&process->lock);
  for (const mmap_view *view = process->views; view != NULL && *text == '\0'; view = view->next) {
    if (at < view->memory || at >= view->memory + view->length) continue;
    key->is_file = view->device != MMAP_SECTION_DEVICE;
    key->offset = view->offset + (uint64_t)(at - view->memory);
    snprintf(text, sizeof text, "%llu %llu %llu", (unsigned long long)view->device,
             (unsigned long long)view->inode, (unsigned long long)key->offset);
  }
  ReleaseSRWLockShared(&process->lock);
  for (const char *c = text; *c != '\0'; c++) {
    key->low = (key->low ^ (unsigned char)*c) * 0x01000193u;
    key->high = (key->high ^ (unsigned char)*c) * 0x85ebca6bu ^ key->high >> 13;
  }
  return *text != '\0';
}

static inline int32_t *mmap_bucket_of(mmap_process *process, const mmap_key *key) {
  return process->table + ((key->low ^ key->high) * 0x9e3779b1u >> 24) * MMAP_BUCKET_WORDS;
}

#define MMAP_SLOT_WAITS 1
#define MMAP_SLOT_WOKEN 2
#define MMAP_SLOT_FILLED_BY 0x40000000

static inline int mmap_thread_has_ended(HANDLE handle) {
  return WaitForSingleObject(handle, 0) == WAIT_OBJECT_0;
}

static inline int mmap_thread_is_dead(uint32_t thread) {
  HANDLE handle = OpenThread(SYNCHRONIZE, FALSE, thread);
  if (handle == NULL) return GetLastError() == ERROR_INVALID_PARAMETER;
  int dead = mmap_thread_has_ended(handle);
  CloseHandle(handle);
  return dead;
}

/*
 * The event of a sleeper. Returns NULL if it cannot be had, and in `is_dead` whether that is because it
 * is dead. An event is there as long as anybody has it open: so the thread is asked, too. With the lock
 * held.
 */
static inline HANDLE mmap_event_of(mmap_process *process, uint32_t thread, uint32_t number,
                                   int *is_dead) {
  char name[64];
  mmap_sleeper *known = &process->known[(thread >> 2 ^ number) % MMAP_KNOWN_SLEEPERS];
  if (known->event == NULL || known->thread != thread || known->number != number) {
    snprintf(name, sizeof name, "Local\\mmap.wake.%lu.%lu", (unsigned long)thread,
             (unsigned long)number);
    HANDLE event = OpenEventA(EVENT_MODIFY_STATE, FALSE, name);
    *is_dead = event == NULL && GetLastError() == ERROR_FILE_NOT_FOUND;
    if (event == NULL) return NULL;
    HANDLE handle = OpenThread(SYNCHRONIZE, FALSE, thread);
    *is_dead = handle == NULL && GetLastError() == ERROR_INVALID_PARAMETER;
    if (handle == NULL) {
      CloseHandle(event);
      return NULL;
    }
    if (known->event != NULL) CloseHandle(known->event), CloseHandle(known->thread_handle);
    *known = (mmap_sleeper){event, handle, thread, number};
  }
  *is_dead = mmap_thread_has_ended(known->thread_handle);
  if (!*is_dead) return known->event;
  CloseHandle(known->event);
  CloseHandle(known->thread_handle);
  known->event = NULL;
  return NULL;
}

/* Frees a dead sleeper's slot if it is still in that state. */
static inline int mmap_slot_free(int32_t *bucket, int32_t *slot, int32_t state) {
  if (!__atomic_compare_exchange_n(slot, &state, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return 0;
  /* Who fills its slot has not counted itself, or is counted once too often, which does no harm. */
  if ((state & MMAP_SLOT_FILLED_BY) == 0) __atomic_sub_fetch(bucket, 1, __ATOMIC_SEQ_CST);
  return 1;
}

/* Frees the slots of the dead. Returns whether there was one. */
static inline int mmap_bucket_sweep(mmap_process *process, int32_t *bucket) {
  int freed = 0;
  for (int i = 0; i < MMAP_TABLE_SLOTS; i++) {
    int32_t *slot = bucket + 16 + i * MMAP_SLOT_WORDS;
    int32_t state = __atomic_load_n(slot, __ATOMIC_SEQ_CST);
    int is_dead = 0;
    if (state == 0) continue;
    if ((state & MMAP_SLOT_FILLED_BY) != 0) {
      is_dead = mmap_thread_is_dead((uint32_t)(state & ~MMAP_SLOT_FILLED_BY));
    } else {
      AcquireSRWLockExclusive(&process->lock);
      mmap_event_of(process, (uint32_t)slot[3], (uint32_t)slot[4], &is_dead);
      ReleaseSRWLockExclusive(&process->lock);
    }
    if (is_dead && mmap_slot_free(bucket, slot, state)) freed = 1;
  }
  return freed;
}

static inline int32_t *mmap_slot_claim(int32_t *bucket, uint32_t thread) {
  for (int i = 0; i < MMAP_TABLE_SLOTS; i++) {
    int32_t *slot = bucket + 16 + i * MMAP_SLOT_WORDS, was_free = 0;
    if (__atomic_load_n(slot, __ATOMIC_SEQ_CST) != 0) continue;
    if (__atomic_compare_exchange_n(slot, &was_free, (int32_t)(MMAP_SLOT_FILLED_BY | thread), 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      return slot;
    }
  }
  return NULL;
}

/* Takes a slot. Returns NULL if there is none: then the word has to be looked at. */
static inline int32_t *mmap_slot_take(mmap_process *process, const mmap_key *key,
                                      const mmap_sleeper *own) {
  if (process->table == NULL) return NULL;
  int32_t *bucket = mmap_bucket_of(process, key), *slot = mmap_slot_claim(bucket, own->thread);
  if (slot == NULL && mmap_bucket_sweep(process, bucket)) slot = mmap_slot_claim(bucket, own->thread);
  if (slot == NULL) return NULL;
  slot[1] = (int32_t)key->low;
  slot[2] = (int32_t)key->high;
  slot[3] = (int32_t)own->thread;
  slot[4] = (int32_t)own->number;
  slot[5] = (slot[5] + 1) & 0x0fffffff;
  slot[6] = (int32_t)key->offset;
  slot[7] = (int32_t)(key->offset >> 32);
  /* Pairs with the load in mmap_futex_wake: the sleeper counts before it looks at its word. */
  __atomic_add_fetch(bucket, 1, __ATOMIC_SEQ_CST);
  __atomic_store_n(slot, slot[5] << 2 | MMAP_SLOT_WAITS, __ATOMIC_SEQ_CST);
  return slot;
}

static inline int mmap_slot_is_woken(const int32_t *slot) {
  return slot != NULL && (__atomic_load_n(slot, __ATOMIC_SEQ_CST) & 3) == MMAP_SLOT_WOKEN;
}

/* Gives a slot back. Returns whether it was woken. */
static inline int mmap_slot_leave(mmap_process *process, const mmap_key *key, int32_t *slot) {
  if (slot == NULL) return 0;
  /* In this order: one who dies in between is counted for ever, which costs others a look. */
  int32_t state = __atomic_exchange_n(slot, 0, __ATOMIC_SEQ_CST);
  __atomic_sub_fetch(mmap_bucket_of(process, key), 1, __ATOMIC_SEQ_CST);
  return (state & 3) == MMAP_SLOT_WOKEN;
}

/* What wakes this thread. NULL: there is no memory for it. */
static inline mmap_sleeper *mmap_own_sleeper(mmap_process *process) {
  char name[64];
  mmap_sleeper *own = FlsGetValue(process->own);
  if (own != NULL) return own;
  own = calloc(1, sizeof *own);
  if (own == NULL) return NULL;
  own->thread = GetCurrentThreadId();
  SystemFunction036(&own->number, sizeof own->number);
  snprintf(name, sizeof name, "Local\\mmap.wake.%lu.%lu", (unsigned long)own->thread,
           (unsigned long)own->number);
  own->event = CreateEventA(NULL, FALSE, FALSE, name);
  if (own->event != NULL && FlsSetValue(process->own, own)) return own;
  if (own->event != NULL) CloseHandle(own->event);
  free(own);
  return NULL;
}

/* On a clock that only goes forward. */
static inline double mmap_now_ms(void) {
  LARGE_INTEGER now, each_second;
  QueryPerformanceCounter(&now);
  QueryPerformanceFrequency(&each_second);
  return (double)now.QuadPart * 1e3 / (double)each_second.QuadPart;
}

/*
 * How long to sleep at once; `left_ms` may be negative: for ever. Who wakes may be killed after it has
 * marked the slot and before it sets the event, so the slot is looked at now and then.
 */
static inline DWORD mmap_slice_ms(double left_ms, int is_looked_at) {
  double most = is_looked_at ? 50 : 1000;
  if (left_ms >= 0 && left_ms < most) most = left_ms;
  return (DWORD)most + (most > (DWORD)most);
}

/*
 * Sleeps while the word has that value; `timeout` may be NULL. Returns 0 if woken, perhaps
 * spuriously, else EAGAIN (the word has another value), ETIMEDOUT, EINVAL (mmap_map has not mapped the
 * word) or ENOMEM.
 */
static inline int mmap_futex_wait(int32_t *word, int32_t expected, const struct timespec *timeout) {
  mmap_process *process = mmap_process_of_all();
  mmap_sleeper *own = process == NULL ? NULL : mmap_own_sleeper(process);
  mmap_key key;
  if (own == NULL) return ENOMEM;
  if (!mmap_key_of(process, word, &key)) return EINVAL;
  double span = timeout == NULL ? -1 : timeout->tv_sec * 1e3 + timeout->tv_nsec / 1e6;
  double begin = mmap_now_ms(), left = span;
  int32_t *slot = mmap_slot_take(process, &key, own);
  int result = EAGAIN;
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected) {
    if (left == 0) {
      result = ETIMEDOUT;
      break;
    }
    WaitForSingleObject(own->event, mmap_slice_ms(left, slot == NULL || key.is_file));
    result = 0; /* also if the event was left over from an earlier sleep */
    if (mmap_slot_is_woken(slot)) break;
    if (span < 0) continue;
    left = begin + span - mmap_now_ms();
    if (left < 0) left = 0;
  }
  return mmap_slot_leave(process, &key, slot) ? 0 : result;
}

/* Wakes at most `count` waiters; returns how many were woken, or -1 and errno if mmap_map has not mapped
 * the word. */
static inline int mmap_futex_wake(int32_t *word, int count) {
  mmap_process *process = mmap_process_of_all();
  mmap_key key;
  if (process == NULL || !mmap_key_of(process, word, &key)) {
    errno = process == NULL ? ENOMEM : EINVAL;
    return -1;
  }
  if (process->table == NULL) return 0;
  int32_t *bucket = mmap_bucket_of(process, &key);
  int woken = 0;
  /* Pairs with the addition in mmap_slot_take: the word was changed before. */
  if (__atomic_load_n(bucket, __ATOMIC_SEQ_CST) == 0) return 0;
  for (int i = 0; i < MMAP_TABLE_SLOTS && woken < count; i++) {
    int32_t *slot = bucket + 16 + i * MMAP_SLOT_WORDS;
    int32_t state = __atomic_load_n(slot, __ATOMIC_SEQ_CST);
    if ((state & MMAP_SLOT_FILLED_BY) != 0 || (state & 3) != MMAP_SLOT_WAITS) continue;
    if ((uint32_t)slot[1] != key.low || (uint32_t)slot[2] != key.high) continue;
    int is_dead = 0;
    AcquireSRWLockExclusive(&process->lock);
    HANDLE event = mmap_event_of(process, (uint32_t)slot[3], (uint32_t)slot[4], &is_dead);
    int32_t before = state, after = (state & ~3) | MMAP_SLOT_WOKEN;
    if (event != NULL && __atomic_compare_exchange_n(slot, &before, after, 0, __ATOMIC_SEQ_CST,
                                                     __ATOMIC_SEQ_CST)) {
      SetEvent(event);
      woken++;
    }
    ReleaseSRWLockExclusive(&process->lock);
    if (is_dead) mmap_slot_free(bucket, slot, state);
  }
  return woken;
}

/* ---- Tokens ---- */

typedef struct {
  HANDLE mutex; /* NULL: released */
  HANDLE file;  /* NULL: it is of a section */
  uint64_t device, inode;
  uint32_t number;
  uint32_t fingerprint;
} mmap_token;

/* Locks bytes of a file, or unlocks them (`flags` -1). Returns 0 if somebody is in the way. */
static inline int mmap_lock_bytes(HANDLE file, int flags, uint64_t at, uint64_t count) {
  OVERLAPPED place = {.Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32)};
  DWORD low = (DWORD)count, high = (DWORD)(count >> 32);
  return flags < 0 ? UnlockFileEx(file, 0, low, high, &place)
                   : LockFileEx(file, (DWORD)flags, 0, low, high, &place);
}

#define MMAP_USED_HERE ((uint64_t)1 << 62)
#define MMAP_LOOKING (MMAP_USED_HERE + 1)
#define MMAP_OTHERS (MMAP_USED_HERE + ((uint64_t)1 << 32))
#define MMAP_OTHERS_COUNT (MMAP_USED_HERE - ((uint64_t)1 << 32) - 1)

/* Locks the byte of those who look, who make a few calls each. Returns 0 or an errno; EBUSY: somebody
 * stays in the way, such as a program that has locked the whole file. */
static inline int mmap_begin_looking(HANDLE file) {
  const int alone = LOCKFILE_FAIL_IMMEDIATELY | LOCKFILE_EXCLUSIVE_LOCK;
  for (double end = mmap_now_ms() + 1000; !mmap_lock_bytes(file, alone, MMAP_LOOKING, 1);) {
    if (GetLastError() != ERROR_LOCK_VIOLATION) return mmap_last_errno();
    if (mmap_now_ms() > end) return EBUSY;
    Sleep(1);
  }
  return 0;
}

/* Tells other systems that a file has tokens of Windows. They look after they have made a token, and
 * this looks after it has told them: so one sees the other. */
static inline int mmap_announce_tokens(HANDLE file) {
  const int shared = LOCKFILE_FAIL_IMMEDIATELY, alone = shared | LOCKFILE_EXCLUSIVE_LOCK;
  if (!mmap_lock_bytes(file, shared, MMAP_USED_HERE, 1)) {
    return GetLastError() == ERROR_LOCK_VIOLATION ? EBUSY : mmap_last_errno();
  }
  int error = mmap_begin_looking(file);
  if (error == 0) {
    if (!mmap_lock_bytes(file, alone, MMAP_OTHERS, MMAP_OTHERS_COUNT)) error = EBUSY;
    else mmap_lock_bytes(file, -1, MMAP_OTHERS, MMAP_OTHERS_COUNT);
    mmap_lock_bytes(file, -1, MMAP_LOOKING, 1);
  }
  if (error != 0) mmap_lock_bytes(file, -1, MMAP_USED_HERE, 1);
  return error;
}

static inline void mmap_token_name(char name[96], const mmap_token *token, uint32_t number) {
  snprintf(name, 96, "Global\\mmap.token.%llu.%llu.%lu", (unsigned long long)token->device,
           (unsigned long long)token->inode, (unsigned long)number);
}

/* Gives it up: from now on, everything that is still held with it counts as a dead holder's. */
static inline void mmap_token_release(mmap_token *token) {
  if (token->mutex != NULL) {
    ReleaseMutex(token->mutex); /* others may have it open */
    CloseHandle(token->mutex);
  }
  if (token->file != NULL) {
    mmap_lock_bytes(token->file, -1, MMAP_USED_HERE, 1);
    CloseHandle(token->file);
  }
  token->mutex = token->file = NULL;
}

/* Takes a token of an object. Returns 0 or an errno; EBUSY: a program for another system uses locks of
 * it; EAGAIN: all numbers that were tried are taken. */
static inline int mmap_token_take(mmap_token *token, mmap_object object) {
  mmap_identity identity;
  HANDLE self = GetCurrentProcess(), file;
  token->mutex = token->file = NULL;
  mmap_process *process = mmap_process_of_all();
  if (process == NULL || mmap_own_sleeper(process) == NULL) return ENOMEM; /* or locks could not wait */
  if (!mmap_identify(object, &identity)) return EBADF;
  token->device = identity.device;
  token->inode = identity.inode;
  if (identity.device != MMAP_SECTION_DEVICE) {
    if (!DuplicateHandle(self, object, self, &file, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
      return mmap_last_errno();
    }
    int error = mmap_announce_tokens(file);
    if (error != 0) {
      CloseHandle(file);
      return error;
    }
    token->file = file;
  }
  int error = EAGAIN;
  for (int tries = 0; error == EAGAIN && tries < 8; tries++) {
    uint32_t bits[2];
    char name[96];
    SystemFunction036(bits, sizeof bits);
    token->number = (bits[0] & MMAP_NUMBER_MASK) == 0 ? 1 : bits[0] & MMAP_NUMBER_MASK;
    token->fingerprint = (bits[1] & 0xffc00000u) | (GetCurrentThreadId() >> 2 & 0x3fffff);
    mmap_token_name(name, token, token->number);
    HANDLE mutex = CreateMutexA(NULL, TRUE, name);
    if (mutex != NULL && GetLastError() != ERROR_ALREADY_EXISTS) {
      token->mutex = mutex;
      return 0;
    }
    if (mutex != NULL) CloseHandle(mutex);
    else if (GetLastError() != ERROR_ACCESS_DENIED) error = mmap_last_errno();
  }
  mmap_token_release(token);
  return error;
}

/* Whether the holder of a token of the same object is certainly dead. A fingerprint of 0 is not
 * known. */
static inline int mmap_is_dead(const mmap_token *own, uint32_t number, uint32_t fingerprint) {
  if (number == own->number) return fingerprint != 0 && fingerprint != own->fingerprint;
  char name[96];
  mmap_token_name(name, own, number);
  HANDLE mutex = OpenMutexA(MUTEX_MODIFY_STATE, FALSE, name);
  if (mutex == NULL) return GetLastError() == ERROR_FILE_NOT_FOUND;
  /* Not by waiting for it: a mutex that this thread owns would be free. */
  struct {
    LONG count; /* 1: nobody owns it */
    BOOLEAN is_own, is_abandoned;
  } state = {0, 0, 0};
  LONG status = mmap_this_process.query_mutant(mutex, 0, &state, sizeof state, NULL);
  CloseHandle(mutex);
  return status >= 0 && state.count > 0;
}

static inline uint32_t mmap_process_id(void) {
  return GetCurrentProcessId();
}

/* ---- Doorbells: nobody has one on Windows, where all sleep on the bells themselves ---- */

static inline int mmap_doorbell_open(uint32_t process, uint32_t descriptor, uint32_t number) {
  (void)process, (void)descriptor, (void)number;
  return -1;
}

static inline void mmap_doorbell_ring(int doorbell) {
  (void)doorbell;
}

static inline void mmap_doorbell_close(int doorbell) {
  (void)doorbell;
}

#endif
