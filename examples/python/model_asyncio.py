"""The same model in a program that does other things meanwhile, with asyncio."""

import asyncio
import struct
from concurrent.futures import ThreadPoolExecutor

from mmap_peer import Channel

HEADER = struct.Struct("=III")  # number, width, height
RESULT = struct.Struct("=I4xd")  # number, brightness


async def serve(pictures: Channel, results: Channel) -> None:
    loop = asyncio.get_running_loop()
    # One thread of their own: a call that waits keeps its thread, and gives the interpreter away.
    with ThreadPoolExecutor(1) as thread:
        while (picture := await loop.run_in_executor(thread, pictures.receive)) is not None:
            number, width, height = HEADER.unpack_from(picture)
            brightness = sum(picture[HEADER.size :]) / (width * height)
            await loop.run_in_executor(thread, results.send, RESULT.pack(number, brightness))


async def main() -> None:
    with Channel.from_env() as pictures, Channel.from_env("RESULTS") as results:
        await serve(pictures, results)  # beside other tasks


asyncio.run(main())
