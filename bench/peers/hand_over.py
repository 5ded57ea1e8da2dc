"""Two processes hand over to each other with semaphores, so often: prints the nanoseconds per round trip."""

import multiprocessing
import sys
import time


def answer(to, back, times):
    for _ in range(times):
        to.acquire()
        back.release()


if __name__ == "__main__":
    times = int(sys.argv[1])
    context = multiprocessing.get_context("fork")
    to, back = context.Semaphore(0), context.Semaphore(0)
    other = context.Process(target=answer, args=(to, back, times + 1))
    other.start()
    to.release()
    back.acquire()
    start = time.perf_counter_ns()
    for _ in range(times):
        to.release()
        back.acquire()
    print((time.perf_counter_ns() - start) / times)
    other.join()
