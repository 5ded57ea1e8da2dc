"""The Python side of python_bench.ts. Prints "begun", then how many seconds a job took."""

import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import mmap_peer


class Clock:
    def __enter__(self):
        self.begin = time.perf_counter(), time.process_time()

    def __exit__(self, *_):
        wall, processor = self.begin
        print(time.perf_counter() - wall, time.process_time() - processor, flush=True)


def begun():
    print("begun", flush=True)


def receive(handle, count):
    with mmap_peer.Channel.attach(handle) as channel:
        begun()
        channel.receive()
        with Clock():
            for _ in range(count - 1):
                channel.receive()


def send(handle, count):
    message = bytes(64)
    with mmap_peer.Channel.attach(handle) as channel:
        begun()
        with Clock():
            for _ in range(count):
                channel.send(message)


def pipe(_, count):
    """What multiprocessing has: the messages come from a child."""
    from multiprocessing import Pipe, Process

    source, target = Pipe(duplex=False)
    child = Process(target=fill, args=(target, count))
    child.start()
    begun()
    source.recv_bytes()
    with Clock():
        for _ in range(count - 1):
            source.recv_bytes()
    child.join()


def fill(target, count):
    message = bytes(64)
    for _ in range(count):
        target.send_bytes(message)


def lock(handle, count):
    measure_lock(mmap_peer.Mutex(mmap_peer.Region.attach(handle)), count)


def multiprocessing_lock(_, count):
    from multiprocessing import Lock

    measure_lock(Lock(), count)


def measure_lock(mutex, count):
    begun()
    with Clock():
        for _ in range(count):
            mutex.acquire()
            mutex.release()


JOBS = {job.__name__: job for job in [receive, send, pipe, lock, multiprocessing_lock]}

for line in sys.stdin:
    name, first, second = line.split()
    JOBS[name](first, int(second))
