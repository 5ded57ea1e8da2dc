"""Shares 4096 bytes with another process by Python's multiprocessing.shared_memory:

    python3 examples/languages/peer_shared_memory.py create|attach named NAME

It does what peer.py does, and knows named shared memory only.
"""

import sys
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

BYTES = 4096
ANSWER = 64


def attach(name):
    """Python takes whoever opens memory for its owner, and removes the name when the process ends,
    unless it is told not to: by track=False, which Python has since 3.13."""
    try:
        return SharedMemory(name, track=False)
    except TypeError:
        memory = SharedMemory(name)
        resource_tracker.unregister(memory._name, "shared_memory")
        return memory


def text_at(memory, offset):
    return bytes(memory.buf[offset:]).split(b"\0")[0].decode()


def main(action, _way, name):
    if action == "attach":
        memory = attach(name)
        print(text_at(memory, 0))
        text = b"used by Python shared_memory\0"
        memory.buf[ANSWER:ANSWER + len(text)] = text
    else:
        memory = SharedMemory(name, create=True, size=BYTES)
        text = b"made by Python shared_memory\0"
        memory.buf[:len(text)] = text
        print(name, flush=True)
        for _ in sys.stdin:
            print(text_at(memory, ANSWER), flush=True)
        memory.unlink()
    memory.close()


main(*sys.argv[1:])
