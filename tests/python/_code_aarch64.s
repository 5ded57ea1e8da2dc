// What mmap_peer.py has as machine code: a fence, and compare-and-exchange of 32 and of 64 bits.
  dmb ish
  ret
1: ldaxr w3, [x0]
  cmp w3, w1
  b.ne 2f
  stlxr w4, w2, [x0]
  cbnz w4, 1b
2: dmb ish
  mov w0, w3
  ret
1: ldaxr x3, [x0]
  cmp x3, x1
  b.ne 2f
  stlxr w4, x2, [x0]
  cbnz w4, 1b
2: dmb ish
  mov x0, x3
  ret
