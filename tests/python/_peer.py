"""Does what a test tells it, line by line: each a JSON array of a verb and its arguments.

Bytes are {"bytes": hex}. An answer is the result, or {"error": class, "message": text}.
"""

import json
import os
import signal
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
if "--no-memfd" in sys.argv:

    def refused(*_):
        raise OSError("no memory to execute")

    os.memfd_create = refused
if "--weak" in sys.argv:
    import platform

    weak = True
else:
    weak = False

import mmap_peer

if weak:
    mmap_peer._WEAK = True

things = {}


def decoded(value):
    if isinstance(value, dict) and "bytes" in value:
        return bytes.fromhex(value["bytes"])
    return value


def encoded(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, (int, float, str, list, bool, type(None))):
        return value
    return repr(value)


def make(name, path, *args):
    """Keeps what a class or function of mmap_peer returns; arguments that name things stand for them."""
    function = mmap_peer
    for part in path.split("."):
        function = getattr(function, part)
    args, keywords = list(args), {}
    if args and isinstance(args[-1], dict) and "bytes" not in args[-1]:
        keywords = args.pop()
    things[name] = function(
        *[things.get(a, a) if isinstance(a, str) else decoded(a) for a in args], **keywords
    )


def do(path, *args):
    """Calls a method of a thing, or reads an attribute."""
    name, attribute = path.split(".")
    value = getattr(things[name], attribute)
    args = [decoded(arg) for arg in args]
    return value(*args) if callable(value) else value


def message(number, longest):
    """As `composed` of the tests: its length and bytes follow from its number."""
    length = number * 37 % (longest + 1)
    return bytes([number * 7 + length & 255]) * length


def send_all(name, count):
    channel = things[name]
    for number in range(count):
        channel.send(message(number, channel.max_length))


def receive_all(name):
    """How many came, and how many of them were wrong."""
    channel, count, wrong = things[name], 0, 0
    for received in channel:
        wrong += received != message(count, channel.max_length)
        count += 1
    return [count, wrong]


def send_copies(name, count, text):
    for _ in range(count):
        things[name].send(decoded(text))


def send_kinds(name):
    """The same bytes in several forms, and an empty one."""
    from array import array

    text = bytes([1, 0, 2, 0])
    kinds = [
        bytearray(text),
        memoryview(text),
        array("H", [1, 2]),
        memoryview(text).cast("H"),
        bytearray(),
    ]
    for message in kinds:
        things[name].send(message)


def echo(name, other):
    for received in things[name]:
        things[other].send(received)
    things[other].close_sending()


def reserve(name, length, fill, fails=False):
    try:
        with things[name].reserve(length) as view:
            view[:] = bytes([fill]) * length
            if fails:
                raise KeyError("as told")
    except KeyError:
        pass


def peek(name, fails=False):
    result = None
    try:
        with things[name].peek(10) as view:
            result = None if view is None else bytes(view)
            if fails:
                raise KeyError("as told")
    except KeyError:
        pass
    return result


def die_in_peek(name):
    with things[name].peek(10):
        os.kill(os.getpid(), signal.SIGKILL)


def add(mutex, region, offset, count):
    """Adds one to a number so many times, under a lock, and not in one step."""
    number = things[region].view("Q", offset, 1)
    for _ in range(count):
        with things[mutex]:
            before = number[0]
            for _ in range(20):  # time for others who should not be here
                pass
            number[0] = before + 1


def add_in_threads(mutex, region, offset, count, threads):
    started = [
        threading.Thread(target=add, args=(mutex, region, offset, count)) for _ in range(threads)
    ]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def later(path, *args):
    """Begins a call in another thread."""

    def run():
        try:
            things["later"] = encoded(do(path, *args))
        except Exception as error:
            things["later"] = type(error).__name__

    things["thread"] = threading.Thread(target=run)
    things["thread"].start()


def joined():
    things["thread"].join()
    return things["later"]


def fork():
    """A child that goes on with the commands, while this process waits for its end."""
    child = os.fork()
    if child == 0:
        return os.getpid()
    things["child"] = child
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status))


def fork_sleeper():
    """A child that does nothing until it is killed, and has all that this process had."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(told, b"1")
        signal.pause()
    os.read(ready, 1)
    return child


def latest_sums(name, count):
    """How many of so many values read were not of one write: their bytes must all be equal."""
    torn = 0
    for _ in range(count):
        value = things[name].read()
        torn += value != value[:1] * len(value)
    return torn


def latest_overtaken(name, region):
    """Reads a value while four newer ones are written. Returns whether it is whole."""
    reader, writer = things[name], mmap_peer.Latest(things[region])
    memory = reader._map

    class Interrupted:
        """The memory, whose first copy takes long."""

        def __getitem__(self, part):
            middle = (part.start + part.stop) // 2
            begin = memory[part.start : middle]
            reader._map = memory
            for fill in range(101, 105):
                writer.write(bytes([fill]) * writer.byte_length)
            return begin + memory[middle : part.stop]

    reader._map = Interrupted()
    value = reader.read()
    return value == bytes([104]) * len(value)


def numbers_of(name):
    """Takes numbers of 8 bytes until the end; the count, those lost, and those out of order."""
    reader, count, last, wrong = things[name], 0, -1, 0
    for received in reader:
        number = int.from_bytes(received[:8], "little")
        wrong += number <= last or received[8:] != bytes([number & 255]) * (len(received) - 8)
        count, last = count + 1, number
    return [count, reader.lost, wrong]


def record(region, offset):
    """Reads a record as ctypes and as numpy see it, and changes it."""
    import ctypes

    class Person(ctypes.Structure):
        _fields_ = [("name", ctypes.c_char * 4), ("age", ctypes.c_int32)]

    person = things[region].record(Person, offset)
    result = [person.name.decode(), person.age]
    person.age += 1
    return result


def numpy_records(region, offset):
    import ctypes

    class Point(ctypes.Structure):
        _fields_ = [
            ("name", ctypes.c_char * 4),
            ("flag", ctypes.c_bool),
            ("values", ctypes.c_double * 2),
        ]

    array = things[region].array(Point, offset, 2)
    result = [array.dtype.itemsize, array["name"].tolist()[1].decode(), array["values"].sum()]
    array["values"] *= 2
    return [float(value) if not isinstance(value, str) else value for value in result]


def doorbell(name, slot, locked=True):
    """Makes a doorbell in a slot of a channel's table, as a Deno that awaits has one."""
    import fcntl

    words = things[name]._words
    ends = os.pipe()
    things["bell"] = os.open(f"/proc/self/fd/{ends[0]}", os.O_RDONLY | os.O_NONBLOCK)
    write_end = os.open(f"/proc/self/fd/{ends[1]}", os.O_RDWR | os.O_NONBLOCK)
    number = 12345
    if locked:
        fcntl.fcntl(write_end, fcntl.F_OFD_SETLK, mmap_peer._lock_range(fcntl.F_RDLCK, number, 1))
    at = mmap_peer._DOORBELLS + 4 * slot
    words.u32[at + 1], words.u32[at + 2] = os.getpid(), write_end
    words.u32[at] = number << 2 | mmap_peer._UNTRIED
    words.u32[mmap_peer._DOORBELLS_END] = mmap_peer._OWNERS + 2 * (slot + 1)
    things["slot"] = (words, at, number, write_end)


def fall_asleep(bell):
    """Sets the bell, and says whether the doorbell can be relied on."""
    words, at, number, _ = things["slot"]
    asleep = words.compare_exchange(
        at, number << 2 | mmap_peer._AWAKE, number << 2 | mmap_peer._ASLEEP
    )
    words.u32[bell] = 1
    return asleep


def doorbell_state():
    words, at, number, _ = things["slot"]
    return words.u32[at] - (number << 2)


def rung():
    """How often it was rung since the last look."""
    try:
        return len(os.read(things["bell"], 1 << 20))
    except BlockingIOError:
        return 0


def fill_pipe():
    try:
        while True:
            os.write(things["slot"][3], bytes(4096))
    except BlockingIOError:
        pass


def lock_bytes(name, start, length):
    """Locks bytes of a region's object for writing, in a description of its own."""
    import fcntl
    import struct

    fd = os.open(f"/proc/self/fd/{things[name]._memory.fd}", os.O_RDWR)
    flock = struct.pack("@hhqqi4x", fcntl.F_WRLCK, 0, start, length, 0)
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, flock)


def code(machine):
    return b"".join(bytes.fromhex(part) for part in mmap_peer._CODE[machine])


def change_number(region, index):
    numbers = things[region].view("d")
    before = numbers[index]
    numbers[index] += 1
    return before


def use_all(name):
    """Calls what the thing has, and closes it. Returns the classes of the errors."""
    calls = [
        ("try_send", b"abc"),
        ("send", b"x" * 500, 0.002),
        ("try_receive",),
        ("receive", 0.002),
        ("try_receive",),
        ("read",),
        ("write", bytes(100)),
        ("changed", None, 0.002),
        ("seek", "oldest"),
        ("receive", 0.002),
        ("close_sending",),
        ("close",),
    ]
    errors = []
    for method, *args in calls:
        function = getattr(things[name], method, None)
        if function is None:
            continue
        try:
            function(*args)
        except Exception as error:
            errors.append(type(error).__name__)
    return errors


VERBS = {
    function.__name__: function
    for function in [
        make,
        do,
        send_all,
        receive_all,
        send_copies,
        send_kinds,
        echo,
        reserve,
        peek,
        die_in_peek,
        add,
        add_in_threads,
        later,
        joined,
        fork,
        fork_sleeper,
        latest_sums,
        latest_overtaken,
        numbers_of,
        record,
        numpy_records,
        doorbell,
        lock_bytes,
        code,
        change_number,
        use_all,
        fall_asleep,
        doorbell_state,
        rung,
        fill_pipe,
    ]
}

for line in sys.stdin:
    verb, *args = json.loads(line)
    try:
        answer = encoded(VERBS[verb](*args))
    except Exception as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(answer), flush=True)
