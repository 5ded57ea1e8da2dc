"""Makes memory that begins with "python", and removes it when its stdin ends."""

import sys
from multiprocessing import shared_memory
memory = shared_memory.SharedMemory(name=sys.argv[1], create=True, size=8192)
memory.buf[:6] = b"python"
print("ready", flush=True)
sys.stdin.read()
memory.close()
memory.unlink()
