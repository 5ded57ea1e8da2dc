"""Makes memory, removes it when its stdin ends, and prints that the name was still there."""

import sys
from multiprocessing.shared_memory import SharedMemory
memory = SharedMemory(sys.argv[1], create=True, size=4096)
print("made", flush=True)
sys.stdin.read()
SharedMemory(sys.argv[1]).close()
memory.close()
memory.unlink()
print("still there")
