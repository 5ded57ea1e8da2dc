"""Messages from one process to another: prints the nanoseconds per message. Arguments: queue or pipe, bytes, times."""

import multiprocessing
import sys
import time


def receive_all(receive, times, done):
    for _ in range(times):
        receive()
    done.send_bytes(b"done")


if __name__ == "__main__":
    kind, byte_length, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    if kind == "queue":
        queue = context.Queue()
        send, receive = queue.put, queue.get
    else:
        reader, writer = context.Pipe(duplex=False)
        send, receive = writer.send_bytes, reader.recv_bytes
    message = bytes(byte_length)
    for count in (1, times):  # both are there after the first one
        start = time.perf_counter_ns()
        if count == 1:
            other = context.Process(target=lambda: (receive_all(receive, 1, there), receive_all(receive, times, there)))
            other.start()
        for _ in range(count):
            send(message)
        here.recv_bytes()
    print((time.perf_counter_ns() - start) / times)
    other.join()
