"""Changes a record of Deno in place, under its lock: see python_records.ts."""

import ctypes

from mmap_peer import Mutex, Region


class Person(ctypes.Structure):  # pythonCtypes of @mmap/mmap/struct writes this
    _fields_ = [("name", ctypes.c_char * 4), ("age", ctypes.c_int32)]


with Region.from_env() as region:  # or Region("data.bin"), or Region.named("name")
    person = region.record(Person, 64)
    with Mutex(region, 0) as mutex:
        if mutex.owner_died:
            print("the last holder died with it: the record may be half-changed")
        person.age += 1
        print(f"Python sees {person.name.decode()}, now {person.age}")
    numbers = region.view("d", 128, 3)  # numpy: region.array("f8", 128, 3)
    numbers[2] = numbers[0] + numbers[1]
