/*
 * Buffers over mapped memory that tell when their last holder is gone: a Node-API module without a
 * library, which is compiled ahead and stored as bytes in code.ts.
 *
 * V8 calls the finalizer of an external ArrayBuffer's memory when nothing uses that memory any
 * more, neither an ArrayBuffer nor an operation of Deno at work. It does so on any thread, and at
 * the end of the process too. So the finalizer makes only system calls, touches only the table,
 * which is never given back, and does not use `env`.
 */

#include "../guard/calls.h"
#include "../guard/table.h"

#define PROT_NONE 0
#define MAP_PRIVATE 0x02
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_NORESERVE 0x4000
#define AUTO_LENGTH ((u64)-1)

/* The parts of Node-API that are used here; opaque types are pointers. */
typedef void *env_t;
typedef void *value_t;
typedef void *callback_info_t;
extern int napi_create_function(env_t, const char *name, u64 length,
                                value_t (*)(env_t, callback_info_t), void *data, value_t *result);
extern int napi_get_cb_info(env_t, callback_info_t, u64 *count, value_t *arguments, value_t *self,
                            void **data);
extern int napi_get_value_int64(env_t, value_t, long *result); /* of a number */
extern int napi_create_external_arraybuffer(env_t, void *data, u64 length,
                                            void (*)(env_t, void *data, void *hint), void *hint,
                                            value_t *result);

/* Does what `giveBack` of owned.ts does for memory that nobody else uses. The fields of the slot
 * stay until it is claimed again: `claimed` is cleared last. */
static void give_back(struct slot *slot) {
  u64 start = slot->map_start, byte_length = slot->map_end - slot->map_start;
  __atomic_store_n(&slot->start, 0, __ATOMIC_SEQ_CST);
  /* A handler raises `busy` and then looks at `start` again: one of the two sees the other. */
  while (__atomic_load_n(&slot->busy, __ATOMIC_SEQ_CST) != 0);
  if (call(SYS_munmap, start, byte_length, 0, 0, 0, 0) != 0) {
    /* The limit of mappings does not allow this range to be cut out of a larger mapping. */
    u64 flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
    call(SYS_mmap, start, byte_length, PROT_NONE, flags, (u64)-1, 0);
  }
  if (slot->map_fd >= 0) call(SYS_close, slot->map_fd, 0, 0, 0, 0, 0);
  slot->faults = 0;
  slot->first_fault = 0;
  slot->losses = 0;
  slot->absorber = 0;
  slot->holders = 0;
  slot->map_end = 0;
  __atomic_store_n(&slot->owner, 0, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&slot->generation, 1, __ATOMIC_SEQ_CST); /* pairs with the load in `isHeld` */
  __atomic_store_n(&slot->claimed, 0, __ATOMIC_SEQ_CST); /* pairs with the exchange in `#claim` */
}

static void finalize(env_t env, void *data, void *hint) {
  struct slot *slot = hint;
  (void)env;
  (void)data;
  /* Pairs with the `or` in `GuardSlot.abandon`: one of the two comes last. */
  if (__atomic_sub_fetch(&slot->holders, 1, __ATOMIC_SEQ_CST) == OWNER_GONE) give_back(slot);
}

/* An isolate has ended: what it has not closed is given back, now or by the last finalizer. `data`
 * is a slot that stands for the isolate itself. The isolate does not run any more, so nobody else
 * changes its slots until they are freed here. */
static void end_isolate(env_t env, void *data, void *hint) {
  struct table *table = hint;
  struct slot *self = data;
  u32 isolate = __atomic_load_n(&self->owner, __ATOMIC_SEQ_CST);
  u32 used = __atomic_load_n(&table->used, __ATOMIC_SEQ_CST);
  (void)env;
  for (u32 i = 0; i < used; i++) {
    struct slot *slot = &table->slots[i];
    if (__atomic_load_n(&slot->owner, __ATOMIC_SEQ_CST) != isolate || slot->map_end == 0) continue;
    if (__atomic_fetch_or(&slot->holders, OWNER_GONE, __ATOMIC_SEQ_CST) == 0) give_back(slot);
  }
  __atomic_store_n(&self->owner, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n(&self->claimed, 0, __ATOMIC_SEQ_CST); /* pairs with the exchange in `#claim` */
}

/* bufferOver(address: number, byteLength: number, slot: number): ArrayBuffer, or undefined if it
 * fails. With a fourth number, the table's address, it makes a buffer that stands for the isolate,
 * over a slot. */
static value_t buffer_over(env_t env, callback_info_t info) {
  u64 count = 4;
  long numbers[4];
  value_t arguments[4], buffer = 0;
  if (napi_get_cb_info(env, info, &count, arguments, 0, 0) != 0 || count < 3) return 0;
  for (u64 i = 0; i < count && i < 4; i++) {
    if (napi_get_value_int64(env, arguments[i], &numbers[i]) != 0) return 0;
  }
  int failed = napi_create_external_arraybuffer(env, (void *)numbers[0], numbers[1],
                                                count == 3 ? finalize : end_isolate,
                                                (void *)numbers[count == 3 ? 2 : 3], &buffer);
  return failed ? 0 : buffer;
}

/* What Node-API calls when the module is loaded; its exports are the function itself. */
__attribute__((visibility("default")))
value_t napi_register_module_v1(env_t env, value_t exports) {
  value_t function = 0;
  (void)exports;
  napi_create_function(env, "bufferOver", AUTO_LENGTH, buffer_over, 0, &function);
  return function;
}
