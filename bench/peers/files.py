"""The work of peers_bench.ts in Python, by "mmap" or "shared_memory". Each line of standard input is a
work, a path, and how often; the answer is the nanoseconds that all of it took, and a number that tells
whether it was done, or "no" and why not."""

import mmap
import os
import re
import sys
import time
from multiprocessing import resource_tracker, shared_memory

RECORD = 4096
STEP = 65536
NEEDLE = b"connection refused"


class Mapped:
    def __init__(self, path, write=False):
        self.fd = os.open(path, os.O_RDWR if write else os.O_RDONLY)
        self.map = mmap.mmap(self.fd, 0, access=mmap.ACCESS_WRITE if write else mmap.ACCESS_READ)
        self.buffer = self.map

    def search(self):
        return self.map.find(NEEDLE)

    def close(self):
        self.map.close()
        os.close(self.fd)


class Shared:
    """An object of shared memory with the bytes of the file."""

    made = {}

    def __init__(self, path):
        if path not in self.made:
            with open(path, "rb") as file:
                data = file.read()
            self.made[path] = shared_memory.SharedMemory(create=True, size=len(data))
            self.made[path].buf[:] = data
        self.memory = shared_memory.SharedMemory(self.made[path].name)
        self.buffer = self.memory.buf

    def search(self):
        found = re.search(NEEDLE, self.buffer)
        return -1 if found is None else found.start()

    def close(self):
        self.buffer = None
        self.memory.close()

    @classmethod
    def remove(cls):
        for memory in cls.made.values():
            memory.close()
            memory.unlink()


def places(times, length, unit):
    """Places of units of so many bytes, the same in all languages."""
    state, all = 1, []
    for _ in range(times):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        all.append(state * (length // unit) >> 32)
    return all


def open_close(side, path, times):
    check = 0
    for _ in range(times):
        file = side(path)
        check += file.buffer[0]
        file.close()
    return check


def sum_all(side, path, times):
    for _ in range(times):
        file = side(path)
        with memoryview(file.buffer) as view, view.cast("d") as numbers:
            total = sum(numbers)
        file.close()
    return total


def read_records(file, at):
    total = 0.0
    with memoryview(bytearray(RECORD)) as record, record.cast("d") as numbers:
        with memoryview(file.buffer) as view:
            for i in at:
                record[:] = view[i * RECORD : (i + 1) * RECORD]
                total += numbers[0]
    return total


def read_numbers(file, at):
    total = 0.0
    with memoryview(file.buffer) as view, view.cast("d") as numbers:
        for i in at:
            total += numbers[i]
    return total


def search(file, at):
    return sum(file.search() for _ in at)


def write_flush(file, at):
    record = bytes(RECORD)
    for i in at:
        file.map[i * RECORD : (i + 1) * RECORD] = record
        file.map.flush(i * RECORD, RECORD)
    return len(at)


def grow(path, times):
    file = Mapped(path, write=True)
    for _ in range(times):
        length = len(file.map) + STEP
        file.map.resize(length)
        file.map[length - 1] = 1
    length = len(file.map)
    file.close()
    return length


STAYS = {"read-4k": (read_records, RECORD), "read-8": (read_numbers, 8), "search": (search, RECORD)}
FILES_ONLY = {"write-flush": "there is no file behind it", "grow": "its size is fixed"}
opened = {}


def prepared(side, work, path, times):
    if work == "open-close":
        Shared(path).close() if side is Shared else None
        return lambda: open_close(side, path, times)
    if work == "sum":
        Shared(path).close() if side is Shared else None
        return lambda: sum_all(side, path, times)
    if work == "grow":
        return lambda: grow(path, times)
    if path not in opened:
        opened[path] = side(path, True) if work == "write-flush" else side(path)
    file = opened[path]
    if work == "write-flush":
        at = places(times, len(file.buffer), RECORD)
        return lambda: write_flush(file, at)
    function, unit = STAYS[work]
    at = places(times, len(file.buffer), unit)
    return lambda: function(file, at)


if __name__ == "__main__":
    side = Shared if sys.argv[1] == "shared_memory" else Mapped
    if side is Shared:
        resource_tracker.ensure_running()
    for line in sys.stdin:
        work, path, times = line.split()
        if side is Shared and work in FILES_ONLY:
            print("no", FILES_ONLY[work], flush=True)
            continue
        run = prepared(side, work, path, int(times))
        start = time.perf_counter_ns()
        check = run()
        print(time.perf_counter_ns() - start, check, flush=True)
    if side is Shared:
        for file in opened.values():
            file.close()
        Shared.remove()
