# What mmap_peer.py has as machine code: a fence, and compare-and-exchange of 32 and of 64 bits.
.intel_syntax noprefix
  lock or dword ptr [rsp-8], 0
  ret
  mov eax, esi
  lock cmpxchg [rdi], edx
  ret
  mov rax, rsi
  lock cmpxchg [rdi], rdx
  ret
