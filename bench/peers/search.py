"""Searches a mapped file for each line of standard input, which is hexadecimal; prints the nanoseconds."""

import mmap
import sys
import time

with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
for line in sys.stdin:
    needle = bytes.fromhex(line)
    start = time.perf_counter_ns()
    found = mapped.find(needle)
    taken = time.perf_counter_ns() - start
    print(taken if found == -1 else "found", flush=True)
