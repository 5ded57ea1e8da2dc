"""Shares 4096 bytes with another process, of whatever language, by Python's mmap:

    python3 examples/languages/peer.py create file|named|descriptor [PATH or NAME]
    python3 examples/languages/peer.py attach file|named|descriptor WHERE

A creator writes "made by Python mmap" at byte 0, prints where the memory is, and for each line that
it reads prints the text at byte 64. An attacher prints the text at byte 0 and writes "used by Python
mmap" at byte 64.
"""

import mmap
import os
import sys
from urllib.parse import parse_qs

BYTES = 4096
ANSWER = 64


def named(name):
    """Shared memory of that name, as Linux keeps it."""
    return "/dev/shm/" + name


def create(way, where):
    if way == "descriptor":
        fd = os.memfd_create("peer")
    else:
        path = named(where) if way == "named" else where
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.ftruncate(fd, BYTES)
    return fd


def path_of_descriptor(where):
    """A handle of Deno is text like a query string; others give the path itself."""
    if not where.startswith("mmap:"):
        return where
    handle = parse_qs(where.removeprefix("mmap:"))
    return f"/proc/{handle['pid'][0]}/fd/{handle['fd'][0]}"


def attach(way, where):
    find = {"file": str, "named": named, "descriptor": path_of_descriptor}
    return os.open(find[way](where), os.O_RDWR)


def text_at(memory, offset):
    return memory[offset:memory.find(b"\0", offset)].decode()


def main(action, way, where=""):
    fd = create(way, where) if action == "create" else attach(way, where)
    with mmap.mmap(fd, BYTES) as memory:
        if action == "attach":
            print(text_at(memory, 0))
            text = b"used by Python mmap\0"
            memory[ANSWER:ANSWER + len(text)] = text
            return
        text = b"made by Python mmap\0"
        memory[:len(text)] = text
        print(f"/proc/{os.getpid()}/fd/{fd}" if way == "descriptor" else where, flush=True)
        for _ in sys.stdin:
            print(text_at(memory, ANSWER), flush=True)
        if way == "named":
            os.unlink(named(where))


main(*sys.argv[1:])
