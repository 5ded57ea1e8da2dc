// deno-fmt-ignore-file: the text stays as it is

/** languages/python/mmap_peer.py, written here by tools/python_text.ts. */

export const PYTHON_TEXT = String.raw`"""The other end of @mmap/mmap for Python: shared memory, locks and channels between Deno and Python.

One file without dependencies: CPython 3.9 or later, Linux on x86-64 or arm64. It must be of the same
version as the module.

    import mmap_peer

    with mmap_peer.Channel.from_env() as channel:  # given channel.env() by Deno
        for message in channel:
            ...

Threads: an object may be used by one thread at a time; a Futex, a SharedEvent and a Mutex by any. All
calls that wait give the GIL away. Times are seconds; None waits for ever.

Forks: a child may go on with regions, locks and readers that its parent had opened. A lock that is
held and an open Channel stay the parent's: the child opens the channel anew if it wants to take part.

Errors: ValueError for wrong arguments, for what is closed, and for memory that holds something else,
another version or nonsense; OSError for what the system refuses; and those named at each method.
Nonsense in the memory never crashes Python. A file that somebody truncates does: then the kernel
sends SIGBUS to every process that touches the lost pages, and Python has no way to absorb it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import math
import mmap
import os
import platform
import stat
import struct
import sys
import threading
import time
import urllib.parse
import weakref
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
)

__all__ = [
    "Broadcast",
    "Channel",
    "Futex",
    "Latest",
    "Mutex",
    "Region",
    "SharedEvent",
    "numpy_dtype",
]

_T = TypeVar("_T")
_C = TypeVar("_C", bound="_Opened")
_S = TypeVar("_S", bound=ctypes.Structure)
_Bytes = Any  # bytes, bytearray, memoryview, an array of numpy ...
_Path = Union[str, "os.PathLike[str]"]

# ---- The layout of the shared memory: the same as in the module, where each table is explained ----

_VERSION = 3  # of every kind of channel

# Words of every kind of channel.
_MAGIC, _VERSION_AT, _CAPACITY, _FLAGS, _STATE = 2, 3, 4, 5, 7
_BELL_SLEEPERS, _DOORBELLS_END, _OWNERS, _DOORBELLS, _MOST_DOORBELLS = 638, 639, 640, 768, 64
_HEADER = 4096  # bytes before the ring
_ENDED_BIT, _DESERTED_BIT = 1, 2
_PADDING = 0xFFFFFFFF
_LEAST_CAPACITY, _LARGEST_CAPACITY = 4096, 1 << 30
_LAST_POSITION = (1 << 53) - (1 << 28)

# Words of a channel; positions have 64 bits, and so half the index.
_LIST_LOCK, _SEND_BELL, _RECEIVE_BELL, _SEND_LOCK, _RECEIVE_LOCK = 8, 48, 64, 80, 96
_TAIL64, _HEAD64 = 8, 16
_ENDPOINTS, _ENDPOINTS_END = 128, 624
_PRODUCER, _CONSUMER = 1, 2
_ROLE_NAMES = {_PRODUCER: "producer", _CONSUMER: "consumer"}

# Words of a broadcast, beside TAIL.
_EPOCH, _OLDEST64, _WRITER, _WRITER_PID = 18, 16, 80, 82
_EPOCH_LENGTH = 1 << 31

# Words of a latest value.
_VALUE_VERSION64, _WRITE_LOCK, _SLOTS, _LARGEST_VALUE = 8, 80, 4, 1 << 28

_BELL = 48  # of a broadcast and of a latest value

# A doorbell's state.
_REFUSED, _UNTRIED, _AWAKE, _ASLEEP = 0, 1, 2, 3

# A lock word.
_NUMBER_MASK, _NO_BIT, _WAITERS_BIT = 0x3FFFFFFF, 0x40000000, 0x80000000

_SLICE = 0.03  # the longest single sleep: after it, a waiter looks whether the other end is dead
_SPINS = 50
_TRIES = 100
_EVERYBODY = 0x7FFFFFFF

# ---- The kernel and the processor ----

_MACHINE = platform.machine()
# futex, statx
_CALLS = {"x86_64": (202, 332), "aarch64": (98, 291)}
if sys.platform != "linux" or _MACHINE not in _CALLS or ctypes.sizeof(ctypes.c_void_p) != 8:
    raise ImportError("mmap_peer needs 64-bit Linux on x86-64 or arm64")
_SYS_FUTEX, _SYS_STATX = _CALLS[_MACHINE]
# x86-64 keeps loads in order among loads, and stores among stores.
_WEAK = _MACHINE != "x86_64"

_libc = ctypes.CDLL(None, use_errno=True)

_FUTEX_WAIT, _FUTEX_WAKE = 0, 1


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


_futex = ctypes.CFUNCTYPE(
    ctypes.c_long,
    ctypes.c_long,
    ctypes.c_void_p,
    ctypes.c_long,
    ctypes.c_uint32,
    ctypes.POINTER(_Timespec),
    use_errno=True,
)(("syscall", _libc))


def _futex_wait(address: int, expected: int, seconds: float) -> bool:
    """Sleeps while the word has that value. False if the time is over; wakes up without reason, too."""
    if seconds == math.inf:
        limit = None
    else:
        limit = _Timespec(int(seconds), int(seconds % 1 * 1e9))
    if _futex(_SYS_FUTEX, address, _FUTEX_WAIT, expected, limit) == 0:
        return True
    error = ctypes.get_errno()
    if error in (errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT):
        return error != errno.ETIMEDOUT
    raise OSError(error, os.strerror(error))


def _futex_wake(address: int, count: int) -> int:
    return int(_futex(_SYS_FUTEX, address, _FUTEX_WAKE, count, None))


# What Python has no word for, in machine code: a full fence; compare and exchange 32 bits, and 64.
_CODE = {
    "x86_64": (
        "f0834c24f800 c3",  # lock or dword [rsp-8], 0; ret
        "89f0 f00fb117 c3",  # mov eax, esi; lock cmpxchg [rdi], edx; ret
        "4889f0 f0480fb117 c3",  # the same with 64-bit registers
    ),
    "aarch64": (
        "bf3b03d5 c0035fd6",  # dmb ish; ret
        # 1: ldaxr w3, [x0]; cmp w3, w1; b.ne 2f; stlxr w4, w2, [x0]; cbnz w4, 1b;
        # 2: dmb ish; mov w0, w3; ret
        "03fc5f88 7f00016b 61000054 02fc0488 84ffff35 bf3b03d5 e003032a c0035fd6",
        "03fc5fc8 7f0001eb 61000054 02fc04c8 84ffff35 bf3b03d5 e00303aa c0035fd6",
    ),
}
_FUNCTION_BYTES = 64

# PYFUNCTYPE keeps the GIL: giving it away would take longer than the function.
_FENCE = ctypes.PYFUNCTYPE(None)
# Without the types of its arguments, a pointer and two numbers up to 32 bits: so it is twice as quick.
_CAS32 = ctypes.PYFUNCTYPE(ctypes.c_uint32)
_CAS64 = ctypes.PYFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64)

_CompareExchange = Callable[[ctypes.c_void_p, int, int], int]  # returns the old value
_Atomics = Tuple[Callable[[], None], _CompareExchange, _CompareExchange]


def _from_machine_code() -> _Atomics:
    """Raises OSError where memory must not be executed."""
    parts = [bytes.fromhex(part).ljust(_FUNCTION_BYTES, b"\0") for part in _CODE[_MACHINE]]
    # A file, since many systems forbid memory that is both written and executed.
    fd = os.memfd_create("mmap_peer", os.MFD_CLOEXEC)
    try:
        os.write(fd, b"".join(parts))
        call = _libc.mmap
        call.restype = ctypes.c_void_p
        call.argtypes = [
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_long,
        ]
        address = call(
            None, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC, mmap.MAP_PRIVATE, fd, 0
        )
    finally:
        os.close(fd)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return _FENCE(address), _CAS32(address + _FUNCTION_BYTES), _CAS64(address + 2 * _FUNCTION_BYTES)


def _from_libatomic() -> _Atomics:
    """Slower by a half. Raises OSError where gcc's library is not installed."""
    library = ctypes.PyDLL("libatomic.so.1")

    def compare_exchange(name: str, word: Any) -> _CompareExchange:
        call = library[name]
        call.restype = ctypes.c_bool
        call.argtypes = [ctypes.c_void_p, ctypes.POINTER(word), word, ctypes.c_int, ctypes.c_int]

        def run(pointer: ctypes.c_void_p, expected: int, value: int) -> int:
            found = word(expected)
            call(pointer, found, value, 5, 5)  # __ATOMIC_SEQ_CST
            return int(found.value)

        return run

    cas32 = compare_exchange("__atomic_compare_exchange_4", ctypes.c_uint32)
    own = ctypes.c_uint32()
    pointer = ctypes.c_void_p(ctypes.addressof(own))

    def fence(own: Any = own) -> None:  # keeps it alive
        cas32(pointer, 0, 0)

    return fence, cas32, compare_exchange("__atomic_compare_exchange_8", ctypes.c_uint64)


try:
    _fence, _cas32, _cas64 = _from_machine_code()
except OSError:
    try:
        _fence, _cas32, _cas64 = _from_libatomic()
    except OSError as error:
        raise ImportError(
            "mmap_peer needs memory that may be executed, or libatomic.so.1"
        ) from error


# ---- Waiting ----


def _deadline(timeout: Optional[float]) -> float:
    if timeout is None:
        return math.inf
    if not timeout >= 0:
        raise ValueError(f"Cannot wait: timeout must be None, or at least 0: received {timeout}")
    return time.monotonic() + timeout


def _left(deadline: float) -> float:
    return math.inf if deadline == math.inf else deadline - time.monotonic()


def _damaged(what: str, how: str) -> ValueError:
    return ValueError(f"Cannot use {what}: it is damaged, {how} is not possible")


# ---- Who is alive ----


def _lock_range(kind: int, number: int, fingerprint: int) -> bytes:
    """A struct flock: the byte of a token, or all bytes of its number if the fingerprint is 0."""
    count = 1 if fingerprint != 0 else 1 << 32
    return struct.pack("@hhqqi4x", kind, 0, 1 << 62 | number << 32 | fingerprint, count, 0)


def _is_locked(fd: int, number: int, fingerprint: int) -> bool:
    """Whether another open file description has the lock."""
    answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _lock_range(fcntl.F_WRLCK, number, fingerprint))
    return answer[:2] != struct.pack("@h", fcntl.F_UNLCK)


class _Token:
    """Shows others that this process is alive: the lock of a byte far behind the end of the object.

    The kernel drops it when the process ends, and tells everybody who asks, in any namespace.
    """

    def __init__(self, looker: int) -> None:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        # Opened anew: the lock belongs to a description that nothing else has.
        self._fd = fd = os.open(f"/proc/self/fd/{looker}", flags)
        self.close = weakref.finalize(self, os.close, fd)
        for _ in range(8):
            self.number, self.fingerprint = self._random_name()
            if self._try_lock(looker):
                return
        self.close()
        raise OSError(
            errno.EBUSY, "Cannot use locks: another program has locked all of the object (fcntl)"
        )

    @staticmethod
    def _random_name() -> Tuple[int, int]:
        number, fingerprint = struct.unpack("=II", os.urandom(8))
        thread = threading.get_native_id() & 0x3FFFFF
        return (number & _NUMBER_MASK) or 1, (fingerprint & 0xFFC00000) | thread

    def _try_lock(self, looker: int) -> bool:
        try:
            self._set(fcntl.F_RDLCK)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            self.close()
            raise
        if not _is_locked(looker, self.number, self.fingerprint):
            self.close()
            raise OSError(
                errno.EOPNOTSUPP, "Cannot use locks: the file system does not show them to others"
            )
        if not _is_locked(self._fd, self.number, 0):
            if _is_locked(self._fd, 0, 0):
                self.close()
                raise OSError(
                    errno.EBUSY, "Cannot use locks: a program for Windows uses locks there"
                )
            return True
        # Another one took the same number at the same time, and sees this one, too.
        self._set(fcntl.F_UNLCK)
        return False

    def _set(self, kind: int) -> None:
        fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _lock_range(kind, self.number, self.fingerprint))

    def give_up(self) -> None:
        """From now on, whatever is still held with it counts as a dead holder's."""
        # Closing alone is not enough: a child that is being started may have the descriptor for a moment.
        if self.close.alive:
            self._set(fcntl.F_UNLCK)
            self.close()


_taking = threading.Lock()
_forgetful: "weakref.WeakSet[Any]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    global _taking
    _taking = threading.Lock()
    for each in list(_forgetful):
        each.forget()


os.register_at_fork(after_in_child=_after_fork_in_child)

# ---- Mapped memory ----


class _Memory:
    """A mapping. Everything that lies in it refers to it, so it is unmapped when the last one is gone.

    So no address is used after its end, whoever closes what at which moment.
    """

    def __init__(self, fd: int, offset: int, length: Optional[int], writable: bool) -> None:
        """Takes the descriptor over."""
        self.fd = fd
        weakref.finalize(self, os.close, fd)
        if length is None:
            length = os.lseek(fd, 0, os.SEEK_END) - offset
        if offset < 0 or length <= 0:
            raise ValueError(
                f"Cannot map region of {length} bytes at {offset}: there must be at least 1"
            )
        self.lead = offset % mmap.ALLOCATIONGRANULARITY
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        self.map = mmap.mmap(
            fd, self.lead + length, mmap.MAP_SHARED, protection, offset=offset - self.lead
        )
        self.bytes = memoryview(self.map)[self.lead : self.lead + length]
        self.address = 0
        if writable:
            self._pin = (ctypes.c_char * length).from_buffer(self.map, self.lead)
            self.address = ctypes.addressof(self._pin)
        self._token: Optional[_Token] = None
        self.closed = False
        _forgetful.add(self)

    def own(self) -> _Token:
        """The name of this process in this memory."""
        token = self._token
        return token if token is not None else self._take_token()

    def _take_token(self) -> _Token:
        with _taking:
            if self.closed:
                raise ValueError("Cannot use locks: the region is closed")
            if self._token is None:
                self._token = _Token(self.fd)
            return self._token

    def is_dead(self, number: int, fingerprint: int) -> bool:
        """Whether a holder is certainly dead; a fingerprint of 0 is not written yet."""
        if not 0 < number <= _NUMBER_MASK:
            raise _damaged("lock", f"a holder of number {number}")
        return not _is_locked(self.fd, number, fingerprint)

    def reserve(self, offset: int, length: int) -> None:
        """A full disk is an error here, and not SIGBUS later."""
        call = _libc.fallocate
        call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
        keep_size = 1
        if call(self.fd, keep_size, offset, length) == 0:
            return
        error = ctypes.get_errno()
        if error in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise OSError(error, os.strerror(error))
        if error == errno.EOPNOTSUPP and self._has_holes():
            raise OSError(error, "The file has holes that its file system cannot fill")

    def _has_holes(self) -> bool:
        status = os.fstat(self.fd)
        if not stat.S_ISREG(status.st_mode) or status.st_blocks * 512 >= status.st_size:
            return False
        # Some file systems report 0 blocks for files with content.
        return status.st_blocks > 0 or not bytes(self.bytes).strip(b"\0")

    def close(self) -> None:
        with _taking:
            self.closed = True
            token, self._token = self._token, None
        if token is not None:
            token.give_up()

    def forget(self) -> None:
        """In a forked child: the token is the parent's, with the same lock, so it is only closed."""
        token, self._token = self._token, None
        if token is not None:
            token.close()


class _Words:
    """The 32-bit words of one primitive or channel, and the atomic operations on them."""

    def __init__(self, region: Region, offset: int, length: int, what: str) -> None:
        memory = region._live()
        if memory.address == 0:
            raise ValueError(f"Cannot place {what}: the region cannot be written to")
        if offset < 0 or offset % 64 != 0 or memory.lead % 64 != 0:
            raise ValueError(
                f"Cannot place {what}: it must lie at a multiple of 64 bytes: received {offset}"
            )
        if offset + length > len(memory.bytes):
            raise ValueError(
                f"Cannot place {what} of {length} bytes at {offset}: the region has {len(memory.bytes)}"
            )
        memory.reserve(region.offset + offset, length)
        self.memory = memory
        place = memory.bytes[offset : offset + length]
        self.u32 = place[: length & ~7].cast("I")
        self.u64 = place[: length & ~7].cast("Q")
        self.address = memory.address + offset

    def pointer(self, at: int) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.address + 4 * at)

    def compare_exchange(self, at: int, expected: int, value: int) -> bool:
        return _cas32(self.pointer(at), expected, value) == expected

    def change(self, at: int, change: Callable[[int], int]) -> int:
        """Replaces a word by what a function makes of it, in one step. Returns the old value."""
        while True:
            old = self.u32[at]
            if self.compare_exchange(at, old, change(old) & 0xFFFFFFFF):
                return old

    def store(self, at: int, value: int) -> None:
        """Stores a word before all later looks at others."""
        self.u32[at] = value
        _fence()

    def wait(self, at: int, expected: int, seconds: float) -> bool:
        return _futex_wait(self.address + 4 * at, expected, seconds)

    def wake(self, at: int, count: int) -> int:
        return _futex_wake(self.address + 4 * at, count)


class _LockWord:
    """A lock and, in the next word, its holder's fingerprint; taken back from a holder that died."""

    def __init__(self, words: _Words, at: int) -> None:
        self._words = words
        self._at = at
        self._pointer = words.pointer(at)

    def state(self) -> int:
        state = self._words.u32[self._at]
        if state & _NO_BIT:
            raise _damaged("lock", f"a state of {state}")
        return state

    def try_take(self, look: bool, bits: int = 0) -> Optional[bool]:
        """None if somebody holds it; else it is taken now: whether from a dead holder."""
        words, at = self._words, self._at
        own = words.memory.own()
        while True:
            state = self.state()
            number = state & _NUMBER_MASK
            if number == 0:
                if _cas32(self._pointer, state, state | own.number | bits) != state:
                    continue
                words.u32[at + 1] = own.fingerprint
                return False
            if not look:
                return None
            fingerprint = words.u32[at + 1]
            if not words.memory.is_dead(number, fingerprint):
                return None
            # Both words at once: they may have been read from two holders, and the first may hold it again.
            dead = fingerprint << 32 | state
            mine = own.fingerprint << 32 | own.number | _WAITERS_BIT
            if _cas64(self._pointer, dead, mine) == dead:
                return True

    def take(self, deadline: float) -> Optional[bool]:
        """As try_take, but waits; None if the time is over."""
        look, bits = True, 0
        try:
            while True:
                taken = self.try_take(look, bits)
                if taken is not None:
                    return taken
                expected = self._announce()
                if expected is None:
                    continue
                left = _left(deadline)
                if left <= 0:
                    if look:
                        self._words.wake(self._at, 1)
                        return None
                    look = True
                    continue
                look = not self._words.wait(self._at, expected, min(left, _SLICE))
                bits = _WAITERS_BIT  # others may sleep on it still
        except BaseException:
            self._words.wake(self._at, 1)  # passes on a wake-up that it will not use
            raise

    def _announce(self) -> Optional[int]:
        """Sets the bit of the waiters. None if the word has changed."""
        state = self.state()
        if state & _NUMBER_MASK == 0:
            return None
        waiting = state | _WAITERS_BIT
        # Not an or, which would leave the bit on a word that has just become free.
        if state != waiting and _cas32(self._pointer, state, waiting) != state:
            return None
        return waiting

    def release(self) -> bool:
        """False if this process does not hold it."""
        words, at = self._words, self._at
        own = words.memory.own()
        if words.u32[at] & _NUMBER_MASK != own.number or words.u32[at + 1] != own.fingerprint:
            return False
        words.u32[at + 1] = 0
        state = own.number
        while (found := _cas32(self._pointer, state, 0)) != state:
            state = found
        if state & _WAITERS_BIT:
            words.wake(at, 1)
        return True

    @contextlib.contextmanager
    def held(self, action: str, timeout: Optional[float] = None) -> Iterator[None]:
        if self.take(_deadline(timeout)) is None:
            raise TimeoutError(f"Cannot {action}: the lock is held")
        try:
            yield
        finally:
            self.release()


# ---- Handles ----


class _Handle(NamedTuple):
    """What a handle of the module says, in its text form."""

    kind: str
    access: str
    byte_offset: int
    byte_length: int
    path: str
    device: int
    inode: int
    birth_time: str
    pid: int
    fd: int

    @classmethod
    def parse(cls, text: str) -> _Handle:
        if not text.startswith("mmap:"):
            raise ValueError(
                f'Cannot read region handle: it must begin with "mmap:": received {text[:40]!r}'
            )
        fields = dict(urllib.parse.parse_qsl(text[5:].rstrip("\r\n"), keep_blank_values=True))
        try:
            version, system = fields["version"], fields["system"]
            if version != "2" or system != "linux":
                raise ValueError(
                    f"Cannot read region handle: it has version {version} and is of {system}, "
                    "and this file reads version 2 of linux"
                )
            numbers = ("byteOffset", "byteLength", "device", "inode", "pid", "fd")
            offset, length, device, inode, pid, fd = (cls._number(fields, name) for name in numbers)
            texts = (fields["kind"], fields["access"], fields["path"], fields["birthTime"])
        except KeyError as error:
            raise ValueError(f"Cannot read region handle: it has no {error.args[0]}") from None
        kind, access, path, birth_time = texts
        return cls(kind, access, offset, length, path, device, inode, birth_time, pid, fd)

    @staticmethod
    def _number(fields: Dict[str, str], name: str) -> int:
        if not (fields[name].isascii() and fields[name].isdigit()):
            raise ValueError(
                f"Cannot read region handle: its {name} must be a number: received {fields[name]!r}"
            )
        return int(fields[name])

    def open(self) -> int:
        """Opens that object and no other: by its path, or else through the process that has it open."""
        flags = (
            (os.O_RDWR if self.access == "read-write" else os.O_RDONLY)
            | os.O_CLOEXEC
            | os.O_NONBLOCK
        )
        path = _path_of_name(self.path) if self.kind == "named" else self.path
        if self.kind != "anonymous" and path != "":
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found = self._if_same(os.open(path, flags | os.O_NOCTTY))
                if found is not None:
                    return found
        link = f"/proc/{self.pid}/fd/{self.fd}"
        # First only the path of it: opening something else could have side effects.
        looked = self._if_same(os.open(link, os.O_PATH | os.O_CLOEXEC))
        if looked is not None:
            os.close(looked)
            found = self._if_same(os.open(link, flags))
            if found is not None:
                return found
        raise FileNotFoundError(
            errno.ENOENT,
            f"Cannot attach to region: descriptor {self.fd} of process {self.pid} leads elsewhere",
        )

    def _if_same(self, fd: int) -> Optional[int]:
        """The descriptor, if it leads to the object; else it is closed."""
        try:
            device, inode, birth_time = _identity(fd)
        except BaseException:
            os.close(fd)
            raise
        if (device, inode, birth_time) == (self.device, self.inode, self.birth_time):
            return fd
        os.close(fd)
        return None


def _path_of_name(name: str) -> str:
    name = name[1:] if name.startswith("/") else name
    if name in ("", ".", "..") or "/" in name:
        raise ValueError(f"Cannot open shared memory: {name!r} is no name")
    return f"/dev/shm/{name}"


def _identity(fd: int) -> Tuple[int, int, str]:
    """Device, inode, and the time of birth in nanoseconds, which tells reused inode numbers apart."""
    status = ctypes.create_string_buffer(256)
    empty_path, basic_and_birth = 0x1000, 0xFFF
    arguments = (
        ctypes.c_long(fd),
        b"",
        ctypes.c_long(empty_path),
        ctypes.c_long(basic_and_birth),
        status,
    )
    if _libc.syscall(ctypes.c_long(_SYS_STATX), *arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    (mask,) = struct.unpack_from("=I", status, 0)
    (inode,) = struct.unpack_from("=Q", status, 32)
    seconds, nanoseconds = struct.unpack_from("=qI", status, 80)
    device = os.makedev(*struct.unpack_from("=II", status, 136))
    return device, inode, str(seconds * 1_000_000_000 + nanoseconds) if mask & 0x800 else ""


# ---- Regions ----


class Region:
    """A mapped file, or shared memory.

    It may be closed while views, locks and channels of it are in use: the memory is given back when
    the last one is gone.
    """

    def __init__(
        self, path: _Path, *, writable: bool = True, offset: int = 0, length: Optional[int] = None
    ) -> None:
        """Maps an existing file, by default all of it."""
        flags = (
            (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        )
        self._open(os.open(path, flags), writable, offset, length)

    def _open(self, fd: int, writable: bool, offset: int, length: Optional[int]) -> None:
        self.offset = offset
        self.writable = writable
        self._memory = _Memory(fd, offset, length, writable)

    @classmethod
    def _of(cls, fd: int, writable: bool, offset: int, length: Optional[int]) -> Region:
        region = cls.__new__(cls)
        region._open(fd, writable, offset, length)
        return region

    @classmethod
    def named(cls, name: str, *, writable: bool = True) -> Region:
        """Shared memory of MmapRegion.named, or of multiprocessing.shared_memory.

        Raises FileNotFoundError if there is none.
        """
        return cls(_path_of_name(name), writable=writable)

    @classmethod
    def from_fd(
        cls, fd: int, *, writable: bool = True, offset: int = 0, length: Optional[int] = None
    ) -> Region:
        """What an open descriptor leads to; it is duplicated."""
        return cls._of(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 0), writable, offset, length)

    @classmethod
    def attach(cls, handle: str) -> Region:
        """The region that a handle leads to, in the text form of formatHandle.

        It can be written to if the handle's access is "read-write". Raises FileNotFoundError if the
        object is gone, PermissionError if this user may not have it, and ValueError if it has become
        shorter.
        """
        parsed = _Handle.parse(handle)
        return cls._of(
            parsed.open(), parsed.access == "read-write", parsed.byte_offset, parsed.byte_length
        )

    @classmethod
    def from_env(cls, variable: str = "MMAP_REGION") -> Region:
        """The region that the parent process put into the environment with region.env().

        Raises KeyError if the variable is not set.
        """
        return cls.attach(os.environ[variable])

    def _live(self) -> _Memory:
        if self._memory.closed:
            raise ValueError("Cannot use region: it is closed")
        return self._memory

    def __len__(self) -> int:
        return len(self._memory.bytes)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._memory.closed

    @property
    def bytes(self) -> memoryview:
        """All of it."""
        return self._live().bytes[:]

    def view(self, format: str, offset: int = 0, count: Optional[int] = None) -> memoryview:
        """Numbers in place: the format is one letter of struct, such as "d", "I" or "B".

        numpy.frombuffer(region.view("d")) is an array of the same memory.
        """
        size = struct.calcsize(format)
        available = len(self) - offset
        if count is None:
            count = available // size
        if offset < 0 or count < 0 or count * size > available:
            raise ValueError(
                f"Cannot view {count} of {size} bytes at {offset}: the region has {len(self)} bytes"
            )
        return self.bytes[offset : offset + count * size].cast("B").cast(format)  # type: ignore[call-overload, no-any-return]

    def record(self, structure: Type[_S], offset: int = 0) -> _S:
        """A record in place. pythonCtypes of @mmap/mmap/struct prints the class for a struct."""
        self._live()
        return structure.from_buffer(self.bytes, offset)

    def records(
        self, structure: Type[_S], offset: int = 0, count: Optional[int] = None
    ) -> ctypes.Array[_S]:
        """Records in place; by default as many as fit."""
        if count is None:
            count = max(0, len(self) - offset) // ctypes.sizeof(structure)
        return (structure * count).from_buffer(self.bytes, offset)

    def array(self, dtype: Any, offset: int = 0, count: int = -1) -> Any:
        """An array of numpy in place, of its types or of a ctypes structure; by default all that fit."""
        import numpy

        element = numpy_dtype(dtype)
        if count < 0:
            count = max(0, len(self) - offset) // element.itemsize
        return numpy.frombuffer(self.bytes, element, count, offset)

    def flush(self) -> None:
        """Writes a file's changes to the disk, as msync(2) does."""
        self._live().map.flush()

    def close(self) -> None:
        """Gives up what was held in it: locks count as a dead holder's. May be repeated."""
        self._memory.close()

    def __enter__(self) -> Region:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def numpy_dtype(dtype: Any) -> Any:
    """The dtype of a ctypes structure, with the same offsets; arrays of c_char are text, such as "S4".

    Everything else is as numpy.dtype takes it.
    """
    import numpy

    if not isinstance(dtype, type):
        return numpy.dtype(dtype)
    if issubclass(dtype, ctypes.Array):
        element: Any = dtype._type_
        if element is ctypes.c_char:
            return numpy.dtype(f"S{dtype._length_}")
        return numpy.dtype((numpy_dtype(element), (dtype._length_,)))
    if not issubclass(dtype, (ctypes.Structure, ctypes.Union)):
        return numpy.dtype(dtype)
    names = [field[0] for field in dtype._fields_]
    return numpy.dtype(
        {
            "names": names,
            "formats": [numpy_dtype(field[1]) for field in dtype._fields_],
            "offsets": [getattr(dtype, name).offset for name in names],
            "itemsize": ctypes.sizeof(dtype),
        }
    )


# ---- The primitives of ./sync ----


class Futex:
    """A 32-bit word that processes wait on; 64 bytes at a multiple of 64. Its numbers are signed."""

    byte_length = 64

    def __init__(self, region: Region, offset: int = 0) -> None:
        self._words = _Words(region, offset, self.byte_length, "futex")

    @staticmethod
    def _signed(word: int) -> int:
        return word - (1 << 32) if word >> 31 else word

    def load(self) -> int:
        """Reads the word."""
        word = self._signed(self._words.u32[0])
        if _WEAK:
            _fence()
        return word

    def store(self, value: int) -> None:
        """Writes the word. Wakes nobody."""
        if _WEAK:
            _fence()
        self._words.store(0, value & 0xFFFFFFFF)

    def compare_exchange(self, expected: int, value: int) -> int:
        """Writes value if the word is expected, in one step. Returns the old value."""
        return self._signed(
            _cas32(self._words.pointer(0), expected & 0xFFFFFFFF, value & 0xFFFFFFFF)
        )

    def add(self, value: int) -> int:
        """Adds to the word, in one step; wraps around. Returns the old value."""
        return self._signed(self._words.change(0, lambda word: word + value))

    def wait(self, expected: int, timeout: Optional[float] = None) -> bool:
        """Waits while the word is expected, until it is woken; it may wake up without reason, too.

        Returns False if the time is over.
        """
        return self._words.wait(0, expected & 0xFFFFFFFF, max(0.0, _left(_deadline(timeout))))

    def wake(self, count: int = 1) -> int:
        """Wakes waiters of all processes. Returns how many, where the awaited waits of one Deno may count as one."""
        if count < 1:
            raise ValueError(f"Cannot wake futex: count must be at least 1: received {count}")
        return self._words.wake(0, min(count, _EVERYBODY))


class Mutex:
    """A lock that one process holds at a time, also against Deno; 64 bytes at a multiple of 64.

    Used as threading.Lock. It keeps the threads of one process apart, too, and is not re-entrant.
    """

    byte_length = 64

    def __init__(self, region: Region, offset: int = 0) -> None:
        self._word = _LockWord(_Words(region, offset, self.byte_length, "mutex"), 0)
        self.owner_died = False
        """Whether the last holder before this one died with it: what it protects may be half-changed."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Locks. Returns False if that takes longer than the timeout; -1 waits for ever."""
        if not blocking:
            taken = self._word.try_take(look=True)
        else:
            taken = self._word.take(_deadline(None if timeout == -1 else timeout))
        if taken is None:
            return False
        self.owner_died = taken
        return True

    def release(self) -> None:
        """Unlocks. Raises RuntimeError if this process does not hold it."""
        if not self._word.release():
            raise RuntimeError("Cannot unlock mutex: this process does not hold it")

    def locked(self) -> bool:
        """Whether somebody holds it; by now that may have changed."""
        return self._word.state() & _NUMBER_MASK != 0

    def __enter__(self) -> Mutex:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class SharedEvent:
    """An event that processes wait for; 64 bytes at a multiple of 64. Used as threading.Event.

    With auto_reset, which must be the same for all, it lets one waiter pass and resets itself.
    """

    byte_length = 64
    _WAITERS = 1

    def __init__(self, region: Region, offset: int = 0, *, auto_reset: bool = False) -> None:
        self._words = _Words(region, offset, self.byte_length, "event")
        self._auto_reset = auto_reset

    def is_set(self) -> bool:
        """Whether it is set; by now that may have changed."""
        state = self._words.u32[0]
        if state > 1:
            raise _damaged("event", f"a state of {state}")
        if _WEAK:
            _fence()
        return state == 1

    def set(self) -> None:
        """Sets it, and wakes all waiters, or one with auto_reset."""
        if _WEAK:
            _fence()
        # Before the look: a waiter counts itself and then looks at the event.
        self._words.store(0, 1)
        if self._words.u32[self._WAITERS] != 0:
            self._words.wake(0, 1 if self._auto_reset else _EVERYBODY)

    def clear(self) -> None:
        """Resets it."""
        self._words.store(0, 0)

    def _pass(self) -> bool:
        return self.is_set() and (not self._auto_reset or self._words.compare_exchange(0, 1, 0))

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is set. Returns False if the time is over."""
        deadline = _deadline(timeout)
        if self._pass():
            return True
        words = self._words
        words.change(self._WAITERS, lambda count: count + 1)
        passed = False
        try:
            while True:
                passed = self._pass()
                left = _left(deadline)
                if passed or left <= 0:
                    return passed
                words.wait(0, 0, min(left, _SLICE))
        finally:
            words.change(self._WAITERS, lambda count: count - 1)
            if not passed and words.u32[0] == 1:
                words.wake(0, 1)  # passes on a wake-up that it will not use


# ---- What all kinds of channels have in common ----


def _plain(message: _Bytes) -> Any:
    """What has a length in bytes."""
    view = memoryview(message)
    return view.cast("B") if view.nbytes > 0 else b""  # an empty one has no cast


class _Ropes:
    """The ways to the doorbells of others: pipes that wake those who sleep in their event loops."""

    def __init__(self, words: _Words) -> None:
        self._words = words
        self._ropes: Dict[int, Tuple[int, Callable[[], object], int]] = {}

    def ring(self) -> None:
        """Rings for all who sleep, after the word that they wait for was changed."""
        u32 = self._words.u32
        # What other processes wrote there is no length.
        count = min(max(0, u32[_DOORBELLS_END] - _OWNERS) // 2, _MOST_DOORBELLS)
        for at in range(_DOORBELLS, _DOORBELLS + 4 * count, 4):
            state = u32[at]
            if state & 3 in (_ASLEEP, _UNTRIED):
                self._ring_at(at, state)

    def _ring_at(self, at: int, state: int) -> None:
        fd = self._reach(at, state >> 2)
        # Of several who ring, one does. If that one dies before it has, the owner looks by itself.
        if not self._words.compare_exchange(
            at, state, state & ~3 | (_REFUSED if fd is None else _AWAKE)
        ):
            return
        if fd is not None and state & 3 == _ASLEEP:
            with contextlib.suppress(BlockingIOError):  # a full pipe has been rung already
                os.write(fd, b"\0")
            # The kernel may start the reader on this processor, expecting this one to sleep at once.
            os.sched_yield()

    def _reach(self, at: int, number: int) -> Optional[int]:
        """None if there is no such doorbell, or this process cannot reach it."""
        known = self._ropes.get(at)
        if known is not None and known[0] == number:
            return known[2]
        self._drop(at)
        path = f"/proc/{self._words.u32[at + 1]}/fd/{self._words.u32[at + 2]}"
        try:
            # First, since opening something else could have side effects.
            if number == 0 or not os.readlink(path).startswith("pipe:["):
                return None
            # For reading too: writing to a pipe without a reader would be an error.
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        close = weakref.finalize(self, os.close, fd)
        # The lock shows that it is that doorbell, whatever the words say.
        if not _is_locked(fd, number, 0):
            close()
            return None
        self._ropes[at] = (number, close, fd)
        return fd

    def _drop(self, at: int) -> None:
        if at in self._ropes:
            self._ropes.pop(at)[1]()

    def close(self) -> None:
        for at in list(self._ropes):
            self._drop(at)


class _Opened:
    """A channel of any kind, and its words."""

    _WHAT: str
    _NAME: bytes
    _VARIABLE: str

    def __init__(self, region: Region, offset: int = 0) -> None:
        """The one at a place in a region, a multiple of 64. Raises ValueError if there is none."""
        self.region = region
        self._owns_region = False
        header = _Words(region, offset, _HEADER, self._WHAT)
        if _WEAK:
            _fence()
        self.capacity = self._check(header)
        self._words = _Words(region, offset, _HEADER + self.capacity, self._WHAT)
        self._ring = self._words.u32[_HEADER // 4 :]
        # Slices of the map are quicker than those of a memoryview.
        self._map = self._words.memory.map
        self._start = self._words.memory.lead + offset + _HEADER
        self._ropes = _Ropes(self._words)
        self._closed = False

    def _check(self, header: _Words) -> int:
        u32 = header.u32
        magic = struct.pack("=I", u32[_MAGIC])
        if magic != self._NAME:
            raise ValueError(f"Cannot attach to {self._WHAT}: the region holds no {self._WHAT}")
        if u32[_VERSION_AT] != _VERSION:
            raise ValueError(
                f"Cannot attach to {self._WHAT}: it has version {u32[_VERSION_AT]}, "
                f"and this file reads version {_VERSION}"
            )
        capacity = int(u32[_CAPACITY])
        if not self._is_valid(capacity, u32[_FLAGS]):
            raise _damaged(self._WHAT, f"a capacity of {capacity} bytes")
        return capacity

    def _is_valid(self, capacity: int, flags: int) -> bool:
        return _LEAST_CAPACITY <= capacity <= _LARGEST_CAPACITY and capacity & (capacity - 1) == 0

    @classmethod
    def attach(cls: Type[_C], handle: str) -> _C:
        """The one that a handle leads to, in the text form of formatHandle. Raises as Region.attach does."""
        region = Region.attach(handle)
        try:
            opened = cls(region)
        except BaseException:
            region.close()
            raise
        opened._owns_region = True
        return opened

    @classmethod
    def from_env(cls: Type[_C], variable: Optional[str] = None) -> _C:
        """The one that the parent process put into the environment with its env().

        Raises KeyError if the variable is not set.
        """
        return cls.attach(os.environ[cls._VARIABLE if variable is None else variable])

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed or self._words.memory.closed

    def _assert_open(self) -> None:
        if self.closed:
            raise ValueError(f"Cannot use {self._WHAT}: it is closed")

    def _wake(self, bell: int) -> None:
        """Wakes all who sleep on a bell, which the caller found at 1 after a fence."""
        words = self._words
        if words.change(bell, lambda _: 0) == 0:
            return
        # After the exchange: who counts itself later finds the bell changed.
        if words.u32[_BELL_SLEEPERS] != 0:
            words.wake(bell, _EVERYBODY)
        self._ropes.ring()

    def _sleep(self, bell: int, seconds: float) -> bool:
        """Sleeps while a bell is 1. False if the time is over."""
        words = self._words
        # Before the kernel looks at the bell: pairs with the load in _wake.
        words.change(_BELL_SLEEPERS, lambda count: count + 1)
        try:
            return words.wait(bell, 1, seconds)
        finally:
            words.change(_BELL_SLEEPERS, lambda count: count - 1)

    def _until(
        self,
        bell: int,
        timeout: Optional[float],
        attempt: Callable[[], Optional[_T]],
        lost: Callable[[], Optional[str]],
    ) -> _T:
        """Repeats the attempt until it has a result."""
        deadline = _deadline(timeout)
        for _ in range(_SPINS):
            result = attempt()
            if result is not None:
                return result
        look = False
        while True:
            self._assert_open()
            # Before the attempt: either it finds what the other end did, or that end finds the bell set.
            self._words.store(bell, 1)
            # Also before the attempt: the last actions of the other end come before its death.
            left = _left(deadline)
            who = lost() if look or left <= 0 else None
            result = attempt()
            if result is not None:
                # The other end may have reset the bell before this set it again: another waiter,
                # which looked before that, would sleep on it.
                self._wake(bell)
                return result
            if who is not None:
                raise ConnectionResetError(
                    errno.ECONNRESET, f"Cannot use {self._WHAT}: {who}, has died"
                )
            if left <= 0:
                raise TimeoutError(errno.ETIMEDOUT, f"Cannot use {self._WHAT}: the time is over")
            look = not self._sleep(bell, min(left, _SLICE))

    def close(self) -> None:
        """Leaves it. May be repeated."""
        if self._closed:
            return
        self._closed = True
        self._ropes.close()
        if self._owns_region:
            self.region.close()

    def __enter__(self: _C) -> _C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# ---- Channels ----


class _Membership:
    """The entry of one Channel object in the list of endpoints, which shows its death to others."""

    def __init__(self, words: _Words) -> None:
        self._words = words
        self._lock = _LockWord(words, _LIST_LOCK)
        with self._locked("join"):
            self._entry = self._enter()

    def _locked(self, verb: str) -> contextlib.AbstractContextManager[None]:
        return self._lock.held(f"{verb} channel", 1.0)

    def _enter(self) -> int:
        u32 = self._words.u32
        for entry in self._entries():
            if u32[entry + 3] == 0:
                self._drop_if_dead(entry)
        everywhere = range(_ENDPOINTS, _ENDPOINTS_END, 4)
        free = next((entry for entry in everywhere if u32[entry] == 0), None)
        if free is None:
            free = next((entry for entry in everywhere if self._drop_if_dead(entry)), None)
        if free is None:
            raise OSError(errno.EBUSY, "Cannot join channel: all of its endpoints are in use")
        own = self._words.memory.own()
        u32[free + 1], u32[free + 2], u32[free + 3] = own.fingerprint, os.getpid(), 0
        if _WEAK:
            _fence()
        # Last: an entry whose number is 0 is free, whatever else is in it.
        self._words.store(free, own.number)
        return free

    def _entries(self, role: Optional[int] = None) -> List[int]:
        u32 = self._words.u32
        everywhere = range(_ENDPOINTS, _ENDPOINTS_END, 4)
        return [e for e in everywhere if u32[e] != 0 and (role is None or u32[e + 3] & role)]

    def _is_dead(self, entry: int) -> bool:
        u32 = self._words.u32
        number, fingerprint = u32[entry], u32[entry + 1]
        # If the entry has changed its owner meanwhile, the answer is no for now.
        return u32[entry] == number != 0 and self._words.memory.is_dead(number, fingerprint)

    def _is_gone(self, entry: int) -> bool:
        """Whether it has no living owner, who may leave without the lock at any moment."""
        return self._words.u32[entry] == 0 or self._is_dead(entry)

    def _drop_if_dead(self, entry: int) -> bool:
        if not self._is_gone(entry):
            return False
        self._words.store(entry, 0)
        return True

    def take(self, role: int, single: bool, taken: Callable[[], None]) -> None:
        """Becomes a producer or consumer; if only one is allowed, it takes over from a dead one."""
        u32 = self._words.u32
        with self._locked("join"):
            for entry in self._entries(role):
                if self._is_gone(entry):
                    u32[entry + 3] &= ~role
                    # Its other role stays, so that others notice the death.
                    if u32[entry + 3] == 0:
                        self._words.store(entry, 0)
            others = [entry for entry in self._entries(role) if entry != self._entry]
            if single and others:
                raise OSError(
                    errno.EBUSY,
                    f"Cannot join channel: process {u32[others[0] + 2]} is its {_ROLE_NAMES[role]}, "
                    'and only one is allowed without "multiple"',
                )
            u32[self._entry + 3] |= role
            taken()

    def leave(self, deserted: Callable[[int], None]) -> None:
        """The function is called for each role without a living member left."""
        u32 = self._words.u32
        with contextlib.suppress(TimeoutError, ValueError), self._locked("leave"):
            for role in (_PRODUCER, _CONSUMER):
                others = (entry for entry in self._entries(role) if entry != self._entry)
                if u32[self._entry + 3] & role and all(self._is_gone(entry) for entry in others):
                    deserted(role)
        # Last: a process that dies before it is found dead. And without the lock, if that is held for ever.
        self._words.store(self._entry, 0)

    def lost(self, role: int) -> Optional[str]:
        """Who died in this role, if nobody in it is alive. Before there is one, those without a role count."""
        u32 = self._words.u32
        members, idle = [], []
        for entry in self._entries():
            roles = u32[entry + 3]
            if roles & role:
                members.append(entry)
            elif roles == 0 and entry != self._entry:
                idle.append(entry)
        those = members or idle
        if not those or not all(self._is_dead(entry) for entry in those):
            return None
        return f"the {_ROLE_NAMES[role]}, process {u32[those[0] + 2]}"


class Channel(_Opened):
    """A queue of messages from one process to another, one way.

    The first process to send is its producer, and the first to receive is its consumer; with
    "multiple" there may be several, and every message goes to one. A process that ends without close()
    counts as dead: use with. Iterating takes all messages up to the end.

    Both directions raise OSError (EBUSY) if another one is the only producer or consumer, and
    ConnectionResetError if the other end died.
    """

    _WHAT, _NAME, _VARIABLE = "channel", b"MCHN", "MMAP_CHANNEL"

    def __init__(self, region: Region, offset: int = 0) -> None:
        super().__init__(region, offset)
        words, flags = self._words, self._words.u32[_FLAGS]
        self.max_length = self.capacity // 2 - 8
        """The longest message, in bytes."""
        self._u64 = words.u64
        self._u32 = words.u32
        self._units = self.capacity // 8
        self._mask = self._units - 1
        self._send_turn = _LockWord(words, _SEND_LOCK) if flags & _PRODUCER else None
        self._receive_turn = _LockWord(words, _RECEIVE_LOCK) if flags & _CONSUMER else None
        self._sends = self._receives = False  # whether it has joined, and nothing is in use
        self._in_use = 0  # the roles in which a slot or a message is in use
        self._joined = 0
        self._tail = self._limit = self._head = self._seen_tail = 0
        self._membership = _Membership(words)
        _forgetful.add(self)

    def forget(self) -> None:
        """In a forked child: the entry in the list is the parent's."""
        self._closed = True
        self._sends = self._receives = False

    # -- Joining --

    def _begin(self, role: int) -> None:
        self._assert_open()
        if self._in_use & role:
            raise RuntimeError("Cannot use channel: a slot or message of it is in use")
        sends = role == _PRODUCER
        single = (self._send_turn if sends else self._receive_turn) is None
        if not self._joined & role:
            self._membership.take(role, single, lambda: None if sends else self._undesert())
            self._reload(role)
            self._joined |= role
        if sends:
            self._sends = True
        else:
            self._receives = True

    def _undesert(self) -> None:
        self._words.change(_STATE, lambda state: state & ~_DESERTED_BIT)

    def _position(self, at: int) -> int:
        position = int(self._u64[at])
        if _WEAK:
            _fence()
        if position >= _LAST_POSITION:
            raise _damaged("channel", f"a position of {position}")
        return position

    def _reload(self, role: int) -> None:
        """Reads what others of this end have done."""
        if role == _PRODUCER:
            self._tail = self._position(_TAIL64)
            self._limit = self._position(_HEAD64) + self._units
        else:
            self._head = self._position(_HEAD64)
            self._seen_tail = self._position(_TAIL64)

    def _turn(self, role: int) -> Optional[_LockWord]:
        return self._send_turn if role == _PRODUCER else self._receive_turn

    def _in_turn(
        self, role: int, attempt: Callable[[], Optional[_T]], deadline: float
    ) -> Optional[_T]:
        """The attempt, where others of this end take turns. It keeps the turn if something is in use."""
        turn = self._turn(role)
        if turn is None:
            return attempt()
        if turn.take(deadline) is None:
            return None
        try:
            self._reload(role)
            return attempt()
        finally:
            if not self._in_use & role:
                turn.release()

    def _repeat(
        self, role: int, attempt: Callable[[], Optional[_T]], timeout: Optional[float]
    ) -> _T:
        deadline = _deadline(timeout)
        sends = role == _PRODUCER
        bell = _SEND_BELL if sends else _RECEIVE_BELL
        return self._until(
            bell,
            timeout,
            lambda: self._in_turn(role, attempt, deadline),
            lambda: self._membership.lost(_CONSUMER if sends else _PRODUCER),
        )

    def _settle(self, role: int) -> None:
        """Ends the use of a slot or message, and the turn."""
        self._in_use &= ~role
        turn = self._turn(role)
        if turn is not None:
            turn.release()

    # -- Sending --

    def send(self, message: _Bytes, timeout: Optional[float] = None) -> None:
        """Sends a message: bytes, or what else gives access to its bytes. Waits for room.

        Raises TimeoutError; BrokenPipeError if the channel has ended or the last consumer has left;
        ValueError if the message is longer than max_length.
        """
        if type(message) is not bytes:
            message = _plain(message)
        if not self._sends:
            self._begin_sending(len(message))
        if self._send_turn is None and self._put(message):
            return
        self._repeat(_PRODUCER, lambda: self._put(message) or None, timeout)

    def try_send(self, message: _Bytes) -> bool:
        """Sends a message if there is room now. Raises as send does."""
        plain = _plain(message)
        if not self._sends:
            self._begin_sending(len(plain))
        return self._in_turn(_PRODUCER, lambda: self._put(plain), 0) or False

    def _begin_sending(self, length: int) -> None:
        if not 0 <= length <= self.max_length:
            raise self._too_long(length)
        self._begin(_PRODUCER)

    def _too_long(self, length: int) -> ValueError:
        return ValueError(
            f"Cannot send message of {length} bytes: 0 to {self.max_length} are possible"
        )

    def _put(self, message: _Bytes) -> bool:
        length = len(message)
        at = self._claim(length)
        if at < 0:
            return False
        self._map[at : at + length] = message
        self._publish(self._claimed)
        return True

    def _claim(self, length: int) -> int:
        """Room for a message: where its bytes go; -1 if there is none."""
        if length > self.max_length:
            raise self._too_long(length)
        if self._u32[_STATE] != 0:
            self._refuse()
        tail = self._tail
        index = tail & self._mask
        units = length + 15 >> 3
        at = index
        if index + units > self._units:  # a record never wraps around the end
            tail += self._units - index
            at = 0
        end = tail + units
        if end > self._limit:
            # Pairs with the store in _release: what is overwritten was read.
            self._limit = self._position(_HEAD64) + self._units
            if end > self._limit:
                return -1
        if at != index:
            self._ring[2 * index] = _PADDING
        self._ring[2 * at] = length
        self._claimed = end
        return self._start + 8 * at + 8

    def _publish(self, tail: int) -> None:
        if _WEAK:
            _fence()
        # Before the look at the bell: a consumer sets it and then looks at the tail.
        self._u64[_TAIL64] = self._tail = tail
        _fence()
        if self._u32[_RECEIVE_BELL]:
            self._wake(_RECEIVE_BELL)

    def _refuse(self) -> None:
        state = self._u32[_STATE]
        if self._send_turn is not None:
            self._wake(_SEND_BELL)
        reason = "the channel has ended" if state & _ENDED_BIT else "the last consumer has left"
        raise BrokenPipeError(errno.EPIPE, f"Cannot send message: {reason}")

    @contextlib.contextmanager
    def reserve(self, length: int, timeout: Optional[float] = None) -> Iterator[memoryview]:
        """Room for a message that is written in place, without a copy. It is sent at the end of with.

        If the block raises, nothing is sent. The view is not to be used afterwards. Waits and raises as
        send does.
        """
        if not self._sends or length < 0:
            self._begin_sending(length)
        at = self._repeat(_PRODUCER, lambda: self._use(_PRODUCER, self._claim(length)), timeout)
        view = memoryview(self._map)[at : at + length]
        try:
            yield view
            self._assert_open()
            if self._u32[_STATE] != 0:
                self._refuse()
            self._publish(self._claimed)
        finally:
            with contextlib.suppress(BufferError):  # an array of it still lives
                view.release()
            self._settle(_PRODUCER)

    def _use(self, role: int, at: int) -> Optional[int]:
        if at < 0:
            return None
        self._in_use |= role
        if role == _PRODUCER:
            self._sends = False
        else:
            self._receives = False
        return at

    def close_sending(self) -> None:
        """Ends the channel for all producers: consumers get what is left, and then the end."""
        self._assert_open()
        if self._u32[_STATE] & _ENDED_BIT:
            return
        if not self._sends:
            self._begin(_PRODUCER)
        if self._send_turn is None:
            self._end()
        else:  # a message that another producer is about to commit comes before the end
            with self._send_turn.held("end channel"):
                self._end()

    def _end(self) -> None:
        self._words.change(_STATE, lambda state: state | _ENDED_BIT)
        self._wake(_RECEIVE_BELL)
        self._wake(_SEND_BELL)

    # -- Receiving --

    def receive(self, timeout: Optional[float] = None) -> Optional[bytes]:
        """Takes a message, and waits as long as there is none. None: the channel has ended.

        Raises TimeoutError, and ValueError if the ring is damaged.
        """
        if not self._receives:
            self._begin(_CONSUMER)
        if self._receive_turn is None:
            message = self._take()
            if message is not None:
                return message
        found = self._repeat(_CONSUMER, self._take_or_end, timeout)
        return None if found is _AT_END else found

    def try_receive(self) -> Optional[bytes]:
        """Takes a message if there is one now. None also at the end: see ended."""
        if not self._receives:
            self._begin(_CONSUMER)
        found = self._in_turn(_CONSUMER, self._take_or_end, 0)
        return None if found is _AT_END else found

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.receive, None)

    @property
    def ended(self) -> bool:
        """Whether the channel has ended and everything was received."""
        self._assert_open()
        return bool(self._u32[_STATE] & _ENDED_BIT) and self._u64[_HEAD64] == self._u64[_TAIL64]

    def _take_or_end(self) -> Optional[bytes]:
        message = self._take()
        if message is not None or not self._u32[_STATE] & _ENDED_BIT:
            return message
        if _WEAK:
            _fence()
        # One that was sent right before the end.
        message = self._take()
        if message is not None:
            return message
        if self._receive_turn is not None:  # so that the others see it, too
            self._wake(_RECEIVE_BELL)
        return _AT_END

    def _take(self) -> Optional[bytes]:
        at = self._find()
        if at < 0:
            return None
        message = self._map[at : at + self._found_length]
        self._release()
        return message

    def _find(self) -> int:
        """Where the bytes of the next message are; -1 if there is none."""
        head = self._head
        tail = self._seen_tail
        if head == tail:
            # Pairs with the store in _publish.
            tail = self._seen_tail = self._position(_TAIL64)
            if head == tail:
                return -1
        units = self._units
        index = head & self._mask
        length = self._ring[2 * index]
        if length == _PADDING:
            head += units - index
            index = 0
            length = self._ring[0]
        end = head + (length + 15 >> 3)
        # Others write there, and may write nonsense.
        if (
            length > self.max_length
            or end > tail
            or tail > self._head + units
            or index + (length + 15 >> 3) > units
        ):
            raise ValueError(
                f"Cannot receive message: the ring is damaged, {length} bytes are not possible"
            )
        self._found_length = length
        self._found_end = end
        return self._start + 8 * index + 8

    def _release(self) -> None:
        """Gives the room of the found message back to the producers."""
        if _WEAK:
            _fence()
        # Pairs with the load in _claim.
        self._u64[_HEAD64] = head = self._head = self._found_end
        # A producer is woken when half of the ring is free, and not for each message.
        if self._seen_tail - head <= self._units >> 1:
            _fence()
            if self._u32[_SEND_BELL]:
                self._wake(_SEND_BELL)
        # A wake-up that came for two messages may have reached this consumer alone.
        if (
            self._receive_turn is not None
            and self._u32[_RECEIVE_BELL]
            and self._u64[_TAIL64] != head
        ):
            self._wake(_RECEIVE_BELL)

    @contextlib.contextmanager
    def peek(self, timeout: Optional[float] = None) -> Iterator[Optional[memoryview]]:
        """The next message in place, without a copy; None at the end. It is released at the end of with.

        If the block raises, or this process dies in it, the message is delivered again. The view is not
        to be used afterwards. Waits and raises as receive does.
        """
        if not self._receives:
            self._begin(_CONSUMER)
        at = self._repeat(_CONSUMER, self._look, timeout)
        if at == 0:
            yield None
            return
        view = memoryview(self._map)[at : at + self._found_length].toreadonly()
        try:
            yield view
            if not self.closed:
                self._release()
        finally:
            with contextlib.suppress(BufferError):  # an array of it still lives
                view.release()
            self._settle(_CONSUMER)

    def _look(self) -> Optional[int]:
        """0 at the end, which is no message's place."""
        at = self._find()
        if at < 0 and self._u32[_STATE] & _ENDED_BIT:
            at = self._find()
            if at < 0:
                return 0
        return self._use(_CONSUMER, at)

    # -- Leaving --

    def close(self) -> None:
        """Leaves. The last producer ends the channel; after the last consumer, sending fails."""
        if not self.closed:
            self._sends = self._receives = False
            for role in (_PRODUCER, _CONSUMER):
                if self._in_use & role:
                    self._settle(role)
            self._membership.leave(self._deserted)
        super().close()

    def _deserted(self, role: int) -> None:
        if role == _PRODUCER:
            self._end()
            return
        self._words.change(_STATE, lambda state: state | _DESERTED_BIT)
        self._wake(_SEND_BELL)


_AT_END = bytes(bytearray(b"the end"))  # an object that no message is


# ---- Other kinds ----


class Latest(_Opened):
    """A value that newer ones replace. A reader always gets the newest one as a whole."""

    _WHAT, _NAME, _VARIABLE = "latest value", b"MLAT", "MMAP_LATEST"

    def __init__(self, region: Region, offset: int = 0) -> None:
        super().__init__(region, offset)
        self.byte_length = int(self._words.u32[_FLAGS])
        """The length of the value."""
        self._slot = self.capacity // _SLOTS
        self._u64 = self._words.u64
        self._lock = _LockWord(self._words, _WRITE_LOCK)

    def _is_valid(self, capacity: int, flags: int) -> bool:
        return 1 <= flags <= _LARGEST_VALUE and capacity == _SLOTS * (flags + 63 & ~63)

    @property
    def version(self) -> int:
        """How often it was written."""
        self._assert_open()
        return int(self._u64[_VALUE_VERSION64])

    def read(self) -> bytes:
        """The newest value; zeros before the first one."""
        self._assert_open()
        while True:
            version = self._u64[_VALUE_VERSION64]
            if _WEAK:
                _fence()
            at = self._start + (version & _SLOTS - 1) * self._slot
            value = self._map[at : at + self.byte_length]
            if _WEAK:
                _fence()
            # A slot is written again once three further writes are done.
            if self._u64[_VALUE_VERSION64] - version < _SLOTS - 1:
                return value

    def write(self, value: _Bytes) -> None:
        """Writes it. Raises ValueError if it does not have exactly byte_length bytes."""
        self._assert_open()
        source = _plain(value)
        if len(source) != self.byte_length:
            raise ValueError(
                f"Cannot write latest value of {len(source)} bytes: it must have {self.byte_length}"
            )
        with self._lock.held("write latest value"):
            version = self._u64[_VALUE_VERSION64] + 1 & 0xFFFFFFFFFFFFFFFF
            at = self._start + (version & _SLOTS - 1) * self._slot
            if _WEAK:
                _fence()
            self._map[at : at + self.byte_length] = source
            if _WEAK:
                _fence()
            self._u64[_VALUE_VERSION64] = version
        # After the number: a waiter sets the bell and then looks at the number.
        _fence()
        if self._words.u32[_BELL]:
            self._wake(_BELL)

    def changed(self, version: Optional[int] = None, timeout: Optional[float] = None) -> int:
        """Waits until it has another version than this one, by default the present one.

        Returns the new version. Raises TimeoutError.
        """
        before = self.version if version is None else version

        def attempt() -> Optional[int]:
            now = int(self._u64[_VALUE_VERSION64])
            return now if now != before else None

        return self._until(_BELL, timeout, attempt, lambda: None)


class Broadcast(_Opened):
    """A reader of a broadcast: every reader gets every message, unless it is too slow.

    It begins with what is published after this, or with start="oldest" at the oldest message that is
    kept. Iterating takes all messages up to the end.
    """

    _WHAT, _NAME, _VARIABLE = "broadcast", b"MBRC", "MMAP_BROADCAST"

    def __init__(self, region: Region, offset: int = 0, *, start: str = "newest") -> None:
        super().__init__(region, offset)
        self.lost = 0
        """How many messages were overwritten before this reader reached them."""
        self._u32 = self._words.u32
        self._u64 = self._words.u64
        self._units = self.capacity // 8
        self._longest = self.capacity // 2 - 8
        self._head = self._seen_tail = self._number = 0
        self.seek(start)

    def seek(self, start: str) -> None:
        """Goes to "newest", after all that was published, or to "oldest", what is kept. Resets lost."""
        if start not in ("newest", "oldest"):
            raise ValueError(
                f'Cannot subscribe: start must be "newest" or "oldest": received {start!r}'
            )
        self._assert_open()
        at = _TAIL64 if start == "newest" else _OLDEST64
        self._number = 0
        for _ in range(_TRIES):
            if self._move_to(self._u64[at]):
                self.lost = 0
                return
        raise _damaged("broadcast", "positions that contradict each other")

    def _move_to(self, position: int) -> bool:
        """Counts what is skipped. False if it was overtaken."""
        if _WEAK:
            _fence()
        low = self._ring[2 * (position & self._units - 1) + 1]
        if _WEAK:
            _fence()
        epoch = self._u32[_EPOCH]
        # The number belongs to the epoch or to the one before.
        behind = 0 if epoch & 1 == low >> 31 else 1
        number = (epoch - behind) * _EPOCH_LENGTH + (low & 0x7FFFFFFF)
        self._head = self._seen_tail = position
        if self._was_overtaken():
            return False
        if number < self._number:
            raise _damaged("broadcast", f"message {number} after message {self._number}")
        self.lost += number - self._number
        self._number = number
        return True

    def _was_overtaken(self) -> bool:
        """Whether the record at the head may have been overwritten while it was read."""
        if _WEAK:
            _fence()
        return bool(self._head < self._u64[_OLDEST64])

    def receive(self, timeout: Optional[float] = None) -> Optional[bytes]:
        """Takes the next message, and waits as long as there is none. None: the writer has closed.

        Raises TimeoutError, ConnectionResetError if the writer died, and ValueError if the ring is
        damaged.
        """
        self._assert_open()
        message = self._take()
        if message is not None:
            return message
        found = self._until(_BELL, timeout, self._take_or_end, self._lost_writer)
        return None if found is _AT_END else found

    def try_receive(self) -> Optional[bytes]:
        """Takes the next message if there is one now."""
        self._assert_open()
        return self._take()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.receive, None)

    def _take_or_end(self) -> Optional[bytes]:
        message = self._take()
        if message is not None or not self._u32[_STATE] & _ENDED_BIT:
            return message
        if _WEAK:
            _fence()
        # One that was published right before the end.
        message = self._take()
        return _AT_END if message is None else message

    def _take(self) -> Optional[bytes]:
        for _ in range(_TRIES):
            if self._head == self._seen_tail:
                self._seen_tail = self._u64[_TAIL64]
                if _WEAK:
                    _fence()
                if self._head == self._seen_tail:
                    return None
            message = self._read()
            if message is not None:
                return message
            self._move_to(self._u64[_OLDEST64])
        return None

    def _read(self) -> Optional[bytes]:
        """None if it was overtaken."""
        start = self._head
        index = start & self._units - 1
        length = self._ring[2 * index]
        if length == _PADDING:
            start += self._units - index
            index = 0
            length = self._ring[0]
        end = start + (length + 15 >> 3)
        is_record = (
            length <= self._longest
            and index + end - start <= self._units
            and end <= self._seen_tail <= self._head + self._units
            and self._ring[2 * index + 1] == self._number & 0xFFFFFFFF
        )
        at = self._start + 8 * index + 8
        message = self._map[at : at + length] if is_record else None
        if self._was_overtaken():
            return None
        if message is None:
            raise ValueError(
                f"Cannot receive message: the ring is damaged, message {self._number} is not at {start}"
            )
        self._head = end
        self._number += 1
        return message

    def _lost_writer(self) -> Optional[str]:
        u32 = self._u32
        number, fingerprint, process = (
            u32[_WRITER] & _NUMBER_MASK,
            u32[_WRITER + 1],
            u32[_WRITER_PID],
        )
        if number == 0 or not self._words.memory.is_dead(number, fingerprint):
            return None
        # The reads may have seen two different writers: then the words have changed.
        same = u32[_WRITER] & _NUMBER_MASK == number and u32[_WRITER + 1] == fingerprint
        return f"the writer, process {process}" if same else None
`;
