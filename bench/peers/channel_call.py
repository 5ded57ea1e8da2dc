"""Two processes send a message to and fro: prints the nanoseconds per round trip. Arguments: queue, pipe or
shared_memory; bytes; times. In shared memory, who waits looks at a byte again and again."""

import multiprocessing
import sys
import time
from multiprocessing import shared_memory


def ends(kind, context, byte_length):
    """The calls (send, receive) of both ends, and what is to be done after."""
    if kind == "queue":
        to, back = context.Queue(), context.Queue()
        return (to.put, back.get), (back.put, to.get), lambda: None
    if kind == "pipe":
        here, there = context.Pipe()
        return (here.send_bytes, here.recv_bytes), (there.send_bytes, there.recv_bytes), lambda: None
    memory = shared_memory.SharedMemory(create=True, size=1 + byte_length)

    def remove():
        memory.close()
        memory.unlink()

    return turns(memory, byte_length, 0), turns(memory, byte_length, 1), remove


def turns(memory, byte_length, own):
    """The first byte tells whose turn it is, and the message follows."""

    def send(message):
        memory.buf[1 : 1 + byte_length] = message
        memory.buf[0] = 1 - own

    def receive():
        while memory.buf[0] != own:
            pass
        return bytes(memory.buf[1 : 1 + byte_length])

    return send, receive


def answer(send, receive, times):
    for _ in range(times):
        send(receive())


def call(send, receive, message, times):
    for _ in range(times):
        send(message)
        receive()


if __name__ == "__main__":
    kind, byte_length, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    context = multiprocessing.get_context("fork")
    here, there, remove = ends(kind, context, byte_length)
    other = context.Process(target=answer, args=(*there, 1 + times))
    other.start()
    message = bytes(byte_length)
    call(*here, message, 1)  # both are there after the first one
    start = time.perf_counter_ns()
    call(*here, message, times)
    print((time.perf_counter_ns() - start) / times)
    other.join()
    remove()
