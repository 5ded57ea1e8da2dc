"""Doubles the numbers of a shared float64 array in place with numpy, and prints their sum:

    python3 examples/languages/numpy_double.py PATH

PATH is a file, /dev/shm/NAME, or /proc/PID/fd/FD.
"""

import sys

import numpy

numbers = numpy.memmap(sys.argv[1], dtype=numpy.float64, mode="r+")
numbers *= 2
print(numbers.sum())
