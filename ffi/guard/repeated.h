/*
 * Faults for which a system gives no reason. Where the access is allowed by now, another thread has
 * mended the page. But something else than rights may be missing, such as room on the disk: if the same
 * access comes again and nothing was absorbed in between, the object cannot give the page.
 */

/* `access` tells accesses apart: the right that it needs, and a part of where it was made. */
static inline int is_repeated(struct table *table, const struct slot *slot, u64 page, int access,
                              u64 thread) {
  u64 faults = __atomic_load_n(&slot->faults, __ATOMIC_SEQ_CST);
  u32 mark = (u32)access ^ (u32)(page >> 12) * 0x9e3779b1u ^ ((u32)thread << 8) ^ ((u32)faults << 20);
  return __atomic_exchange_n(&table->repeated, mark, __ATOMIC_SEQ_CST) == mark;
}
