"""The model of model_server.ts: tells how bright pictures are."""

import struct

from mmap_peer import Channel

HEADER = struct.Struct("=III")  # number, width, height
RESULT = struct.Struct("=I4xd")  # number, brightness

with Channel.from_env() as pictures, Channel.from_env("RESULTS") as results:
    while True:
        with pictures.peek() as picture:  # in the channel's own memory; waits for one
            if picture is None:  # Deno has sent the last one
                break
            number, width, height = HEADER.unpack_from(picture)
            pixels = picture[HEADER.size :]  # numpy.frombuffer(picture, "u1", offset=12) is an array
            brightness = sum(pixels) / (width * height)
            pixels.release()
        results.send(RESULT.pack(number, brightness))
