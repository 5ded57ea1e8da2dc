"""Python as it is if it is not told anything: its tracker removes what the process has opened."""

import sys
from multiprocessing.shared_memory import SharedMemory
memory = SharedMemory(sys.argv[1])
memory.buf[0] = 7
memory.close()
