"""Maps a file, and reads a byte of it once a line comes: the file and the byte are the arguments."""

import mmap
import sys

file = open(sys.argv[1], "r+b")
memory = mmap.mmap(file.fileno(), 0)
print("mapped", flush=True)
sys.stdin.readline()
print(memory[int(sys.argv[2])], flush=True)
