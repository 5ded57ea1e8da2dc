/** Sending and receiving, both ends in one process. */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { bytes, fill, numbered, numberOf, openPair, textOf } from "../_channels.ts";
import { pattern } from "../../_files.ts";
import { HEAD, RECEIVE_BELL, SEND_BELL, TAIL } from "../../../src/channel/queue/queue_layout.ts";

Deno.test("Channel.trySend() and tryReceive() pass messages on in order", () => {
  using pair = openPair();
  assertEquals(pair.receiver.tryReceive(), null);
  for (const text of ["one", "", "three"]) assert(pair.sender.trySend(bytes(text)));
  assertEquals(textOf(pair.receiver.tryReceive()), "one");
  assertEquals(textOf(pair.receiver.tryReceive()), "");
  assertEquals(textOf(pair.receiver.tryReceive()), "three");
  assertEquals(pair.receiver.tryReceive(), null);
});

Deno.test("Channel.tryReceive() gives a copy that stays after the channel is closed", () => {
  const pair = openPair();
  pair.sender.trySend(bytes("kept"));
  const message = pair.receiver.tryReceive();
  pair[Symbol.dispose]();
  assertEquals(textOf(message), "kept");
  assertEquals(message!.buffer.byteLength, 4);
});

Deno.test("Channel.sendSync() and receiveSync() pass every length, many times around the ring", () => {
  using pair = openPair();
  const source = pattern(pair.sender.maxByteLength);
  for (let round = 0, byteLength = 0; round < 3000; round++) {
    byteLength = (byteLength * 7 + round) % (source.length + 1);
    pair.sender.sendSync(source.subarray(0, byteLength));
    assertEquals(pair.receiver.receiveSync(), source.slice(0, byteLength));
  }
});

Deno.test("Channel.trySend() takes a longest message wherever the ring stands", () => {
  using pair = openPair();
  const longest = pattern(pair.sender.maxByteLength);
  assert(longest.length >= pair.sender.capacity / 2 - 64);
  for (let offset = 0; offset < 600; offset++) {
    pair.sender.sendSync(new Uint8Array(1));
    pair.receiver.receiveSync();
    assert(pair.sender.trySend(longest), `after ${offset} short ones`);
    assertEquals(pair.receiver.tryReceive(), longest);
  }
});

Deno.test("Channel.trySend() is false when the channel is full, and nothing is lost", () => {
  using pair = openPair();
  const count = fill(pair.sender);
  assertEquals(count, 4);
  for (let i = 0; i < count; i++) {
    assertEquals(pair.receiver.tryReceive(), new Uint8Array(1000).fill(i));
  }
  assertEquals(pair.receiver.tryReceive(), null);
  assertEquals(fill(pair.sender), 4); // the first of them begins the ring anew
});

for (const high of [0, 1, 5]) {
  Deno.test(`Channel positions count on beyond ${high + 1} times 2^32`, () => {
    using region = MmapRegion.anonymous(8192);
    // As if so much had been sent: both counts stand right before their upper half changes.
    const positions = region.view(BigInt64Array);
    using made = Channel.over(region);
    positions[8] = positions[16] = BigInt(high + 1) * 2n ** 32n - 3n;
    using receiver = Channel.over(region);
    for (let i = 0; i < 100; i++) {
      made.sendSync(numbered(i));
      assertEquals(numberOf(receiver.receiveSync()!), i);
    }
    const units = BigInt(high + 1) * 2n ** 32n - 3n + 200n;
    assert(positions[8]! >= units && positions[8]! < units + 10n, `${positions[8]}`);
    assertEquals(positions[16], positions[8]);
  });
}

Deno.test("Channel.tryReceive() gives messages of one buffer if they are pooled", () => {
  using sender = Channel.create({ capacity: 65536 });
  using receiver = Channel.attach(sender.handle(), { pooled: true });
  const received: { message: Uint8Array; copy: Uint8Array<ArrayBuffer> }[] = [];
  for (const byteLength of [0, 1, 3, 8, 64, 255, 256, 257, 1000, 1024, 1025, 5000]) {
    const message = new Uint8Array(byteLength).map((_, i) => i * 7 + byteLength);
    sender.sendSync(message);
    received.push({ message, copy: receiver.tryReceive()! });
  }
  for (const { message, copy } of received) assertEquals(copy, message);
  assert(received[4]!.copy.buffer === received[5]!.copy.buffer, "common");
  assert(received[10]!.copy.buffer.byteLength === 1025, "its own");
  // Nor can one message take the others with it.
  assertThrows(() => structuredClone(0, { transfer: [received[4]!.copy.buffer] }));
  for (let i = 0; i < 10_000; i++) { // more than one buffer of them
    sender.sendSync(numbered(i));
    received.push({ message: numbered(i), copy: receiver.tryReceive()! });
  }
  for (const { message, copy } of received) assertEquals(copy, message);
});

for (const method of ["trySend", "sendSync", "send"] as const) {
  Deno.test(`Channel.${method}() throws RangeError for a message that is too long`, async () => {
    using channel = Channel.create({ capacity: 4096 });
    const message = new Uint8Array(channel.maxByteLength + 1);
    await assertRejects(
      async () => await channel[method](message),
      RangeError,
      "at most 2040 bytes",
    );
  });

  Deno.test(`Channel.${method}() throws TypeError for what is no Uint8Array`, async () => {
    using channel = Channel.create({ capacity: 4096 });
    for (const message of ["text", null, [1], new Int8Array(1), new ArrayBuffer(1)]) {
      await assertRejects(
        async () => await channel[method](message as unknown as Uint8Array),
        TypeError,
      );
    }
  });
}

Deno.test("Channel.sendSync() throws TimedOut if there is no room in time", () => {
  using pair = openPair();
  fill(pair.sender);
  assertThrows(
    () => pair.sender.sendSync(new Uint8Array(1000), { timeoutMs: 20 }),
    Deno.errors.TimedOut,
  );
});

Deno.test("Channel.receiveSync() throws TimedOut if nothing comes in time", () => {
  for (const wait of ["adaptive", "block", "spin"] as const) {
    using channel = Channel.create({ capacity: 4096, wait });
    assertThrows(() => channel.receiveSync({ timeoutMs: 20 }), Deno.errors.TimedOut);
  }
});

Deno.test("Channel.receive() rejects with TimedOut or the signal's reason, then receives on", async () => {
  using pair = openPair();
  await assertRejects(() => pair.receiver.receive({ timeoutMs: 20 }), Deno.errors.TimedOut);
  const controller = new AbortController();
  const receiving = pair.receiver.receive({ signal: controller.signal });
  controller.abort(new SyntaxError("enough"));
  await assertRejects(() => receiving, SyntaxError, "enough");
  pair.sender.trySend(bytes("later"));
  assertEquals(textOf(await pair.receiver.receive()), "later");
});

Deno.test("Channel.send() and receive() reject at once if the signal is aborted already", async () => {
  using pair = openPair();
  pair.sender.trySend(bytes("there"));
  const signal = AbortSignal.abort(new SyntaxError("before"));
  await assertRejects(() => pair.sender.send(bytes("x"), { signal }), SyntaxError, "before");
  await assertRejects(() => pair.receiver.receive({ signal }), SyntaxError, "before");
  assertEquals(textOf(pair.receiver.tryReceive()), "there");
});

Deno.test("Channel.receive() is served in the order of the calls", async () => {
  using pair = openPair();
  const waiting = [1, 2, 3].map(() => pair.receiver.receive());
  assertEquals(pair.receiver.tryReceive(), null);
  for (const text of ["a", "b", "c"]) pair.sender.sendSync(bytes(text));
  assertEquals((await Promise.all(waiting)).map(textOf), ["a", "b", "c"]);
});

Deno.test("Channel.send() keeps the order of its calls when there is no room", async () => {
  using pair = openPair();
  const sent = Array.from({ length: 50 }, (_, i) => pair.sender.send(new Uint8Array(1000).fill(i)));
  assertEquals(pair.sender.trySend(bytes("x")), false); // awaited ones are before it
  for (let i = 0; i < 50; i++) assertEquals((await pair.receiver.receive())![0], i);
  await Promise.all(sent);
});

Deno.test("Channel.send() that waits for its turn can time out and be aborted", async () => {
  using pair = openPair();
  fill(pair.sender);
  const message = new Uint8Array(1000).fill(9);
  const first = pair.sender.send(message);
  await assertRejects(() => pair.sender.send(message, { timeoutMs: 20 }), Deno.errors.TimedOut);
  const signal = AbortSignal.timeout(20);
  await assertRejects(() => pair.sender.send(message, { signal }), DOMException);
  for (let i = 0; i < 4; i++) pair.receiver.tryReceive();
  await first;
  assertEquals(pair.receiver.tryReceive(), message);
  assertEquals(pair.receiver.tryReceive(), null);
});

Deno.test("Channel.sendMany() sends more than there is room for; receiveMany() takes what is there", async () => {
  using pair = openPair();
  const sending = pair.sender.sendMany(Array.from({ length: 5000 }, (_, i) => numbered(i)));
  const received: number[] = [];
  while (received.length < 5000) {
    const messages = await pair.receiver.receiveMany(100);
    assert(messages.length >= 1 && messages.length <= 100);
    received.push(...messages.map(numberOf));
  }
  await sending;
  assertEquals(received, Array.from({ length: 5000 }, (_, i) => i));
});

Deno.test("Channel.sendMany() lets its iterable use the channel", async () => {
  using pair = openPair();
  function* messages(): Generator<Uint8Array> {
    yield bytes("1");
    pair.sender.trySend(bytes("between"));
    yield bytes("2");
  }
  await pair.sender.sendMany(messages());
  const received = (await pair.receiver.receiveMany(9)).map(textOf);
  assertEquals(received, ["between", "1", "2"]);
});

Deno.test("Channel.receiveMany() throws RangeError if max is below 1", async () => {
  using channel = Channel.create({ capacity: 4096 });
  for (const max of [0, -1, 1.5, NaN]) {
    await assertRejects(() => channel.receiveMany(max), RangeError, "max");
  }
});

Deno.test("Channel.reserve() sends what was committed and nothing that was given up", () => {
  for (const producers of ["single", "multiple"] as const) {
    using pair = openPair({ producers });
    {
      using slot = pair.sender.reserve(100)!;
      slot.bytes.fill(1);
    }
    {
      using slot = pair.sender.reserve(5)!;
      slot.bytes.fill(2);
      slot.commit();
    }
    {
      using slot = pair.sender.reserve(500)!;
      slot.bytes.fill(3);
      slot.commit(2);
    }
    pair.sender.sendSync(bytes("end"));
    assertEquals(pair.receiver.tryReceive(), new Uint8Array(5).fill(2));
    assertEquals(pair.receiver.tryReceive(), new Uint8Array(2).fill(3));
    assertEquals(textOf(pair.receiver.tryReceive()), "end");
    assertEquals(pair.receiver.tryReceive(), null);
  }
});

Deno.test("Channel.reserve() commits shorter at every place of the ring", () => {
  using pair = openPair();
  for (let i = 0; i < 2000; i++) {
    const slot = pair.sender.reserve(i % 1500)!;
    const byteLength = (i * 31) % (slot.bytes.length + 1);
    slot.bytes.fill(i);
    slot.commit(byteLength);
    assertEquals(pair.receiver.tryReceive(), new Uint8Array(byteLength).fill(i));
  }
});

Deno.test("Slot.commit() throws BadResource the second time, RangeError for too much", () => {
  using pair = openPair();
  const slot = pair.sender.reserve(5)!;
  assertThrows(() => slot.commit(6), RangeError, "5 bytes");
  slot.commit();
  slot[Symbol.dispose]();
  assertThrows(() => slot.commit(), Deno.errors.BadResource);
  assertEquals(pair.receiver.tryReceive()!.length, 5);
});

Deno.test("Channel throws Busy while a slot is reserved or a message is peeked", () => {
  using pair = openPair();
  pair.sender.trySend(bytes("x"));
  using _slot = pair.sender.reserve(1)!;
  assertThrows(() => pair.sender.trySend(bytes("y")), Deno.errors.Busy);
  assertThrows(() => pair.sender.reserve(1), Deno.errors.Busy);
  using _message = pair.receiver.peek()!;
  assertThrows(() => pair.receiver.tryReceive(), Deno.errors.Busy);
  assertThrows(() => pair.receiver.peek(), Deno.errors.Busy);
});

Deno.test("Channel.peek() shows a message in place and releases it when disposed", () => {
  for (const consumers of ["single", "multiple"] as const) {
    using pair = openPair({ consumers });
    assertEquals(pair.receiver.peek(), null);
    pair.sender.trySend(bytes("first"));
    pair.sender.trySend(bytes("second"));
    {
      using message = pair.receiver.peek()!;
      assertEquals(textOf(message.bytes), "first");
      assertStrictEquals(message.bytes.buffer, pair.receiver.region.buffer);
      message[Symbol.dispose]();
    }
    assertEquals(textOf(pair.receiver.tryReceive()), "second");
  }
});

Deno.test("Channel.receiveInPlace() waits for a message, and keeps it from calls that wait behind it", async () => {
  for (const consumers of ["single", "multiple"] as const) {
    using pair = openPair({ consumers });
    const first = pair.receiver.receiveInPlace();
    const others = [pair.receiver.receive(), pair.receiver.receiveInPlace()];
    pair.sender.trySend(bytes("first"));
    pair.sender.trySend(bytes("second"));
    {
      using message = (await first)!;
      for (const other of others) await assertRejects(() => other, Deno.errors.Busy);
      assertEquals(textOf(message.bytes), "first");
      assertStrictEquals(message.bytes.buffer, pair.receiver.region.buffer);
    }
    assertEquals(textOf(await pair.receiver.receive()), "second");
    const last = pair.receiver.receiveInPlace();
    pair.sender.closeSending();
    assertEquals(await last, null);
  }
});

Deno.test("Channel.peek() of a channel that closes gives the message to the next consumer", () => {
  for (const consumers of ["single", "multiple"] as const) {
    using pair = openPair({ consumers });
    pair.sender.trySend(bytes("again"));
    const message = pair.receiver.peek()!;
    pair.receiver.close();
    assertEquals(message.bytes.length, 0);
    message[Symbol.dispose]();
    using next = Channel.attach(pair.sender.handle());
    assertEquals(textOf(next.tryReceive()), "again");
  }
});

Deno.test("Channel receives InvalidData from a damaged ring, whatever is in it", () => {
  for (const length of [-1, -2, 0x7fffffff, 2041, 100]) {
    using pair = openPair();
    pair.sender.trySend(bytes("x"));
    pair.sender.region.view(Int32Array)[1024] = length;
    assertThrows(() => pair.receiver.tryReceive(), Deno.errors.InvalidData, "damaged");
  }
});

Deno.test("Channel survives positions that are nonsense", () => {
  using pair = openPair();
  pair.sender.trySend(bytes("x"));
  const words = pair.sender.region.view(Int32Array);
  for (const [tail, head] of [[-5, 7], [0x7fffffff, -0x80000000], [3, 100], [1 << 20, 0]]) {
    words[16] = tail!;
    words[32] = head!;
    using again = Channel.attach(pair.sender.handle());
    assertThrows(() => again.tryReceive(), Deno.errors.InvalidData);
  }
});

const TAIL_HALF = TAIL / 2;
const HEAD_HALF = HEAD / 2;

/** Right before the upper halves of both positions change. */
const START = 2n ** 32n - 100n;

/** Two producers and two consumers, and the positions TAIL and HEAD of their channel. */
function openFour(): { ends: Channel[]; positions: BigInt64Array; [Symbol.dispose](): void } {
  const region = MmapRegion.anonymous(8192);
  const positions = region.view(BigInt64Array);
  const several = { producers: "multiple", consumers: "multiple" } as const;
  const ends = Array.from({ length: 4 }, () => Channel.over(region, 0, several));
  positions[TAIL_HALF] = positions[HEAD_HALF] = START;
  return {
    ends,
    positions,
    [Symbol.dispose](): void {
      for (const end of ends) end.close();
      region.close();
    },
  };
}

// Beyond 2^31, the difference of two lower halves no longer says how far others have gone.
for (const distance of [2n, 2n ** 31n, 2n ** 32n - 2n, 2n ** 32n, 3n * 2n ** 31n, 2n ** 40n]) {
  Deno.test(`Channel of several ends goes on where others went ${distance} units meanwhile`, () => {
    using four = openFour();
    const [first, second, third, fourth] = four.ends as [Channel, Channel, Channel, Channel];
    const pass = (from: Channel, to: Channel, count: number): void => {
      for (let i = 0; i < count; i++) {
        assert(from.trySend(numbered(i)), `${i} fits`);
        assertEquals(numberOf(to.tryReceive()!), i);
      }
    };
    pass(first, third, 5);
    // As if others had passed so much on meanwhile.
    four.positions[TAIL_HALF]! += distance;
    four.positions[HEAD_HALF]! += distance;
    pass(first, third, 300);
    pass(second, fourth, 300);
    pass(first, third, 1);
    assertEquals(four.positions[HEAD_HALF], START + 2n * 606n + distance);
    const count = fill(second);
    assert(count >= 3, "nearly all of the ring is free");
    assert(!first.trySend(new Uint8Array(1000)), "full for the other one, too");
    for (let i = 0; i < count; i++) assertEquals(third.tryReceive(), new Uint8Array(1000).fill(i));
    assertEquals(fourth.tryReceive(), null);
  });
}

Deno.test("Channel of several ends throws InvalidData once a position is impossible", () => {
  for (const [tail, head] of [[-8n, -8n], [2n ** 60n, 2n ** 60n]] as const) {
    using four = openFour();
    const [first, , third] = four.ends;
    first!.trySend(numbered(1));
    third!.tryReceive();
    four.positions[TAIL_HALF] = tail;
    four.positions[HEAD_HALF] = head;
    assertThrows(() => first!.trySend(numbered(2)), Deno.errors.InvalidData, "damaged");
    assertThrows(() => third!.tryReceive(), Deno.errors.InvalidData, "damaged");
  }
});

Deno.test("Channel.receiveInto() copies into memory of the caller", async () => {
  using pair = openPair();
  const target = new Uint8Array(100);
  assertEquals(pair.receiver.tryReceiveInto(target), null);
  const received = pair.receiver.receiveInto(target);
  pair.sender.sendSync(bytes("first"));
  assertEquals(await received, 5);
  assertEquals(textOf(target.subarray(0, 5)), "first");
  pair.sender.sendSync(bytes(""));
  assertEquals(pair.receiver.receiveIntoSync(target), 0);
  pair.sender.sendSync(pattern(1000));
  for (
    const call of [
      () => pair.receiver.tryReceiveInto(target),
      () => pair.receiver.receiveIntoSync(target),
    ]
  ) assertThrows(call, RangeError, "of 1000 bytes: the target has 100");
  await assertRejects(() => pair.receiver.receiveInto(target), RangeError, "of 1000 bytes");
  assertThrows(() => pair.receiver.tryReceiveInto("target" as unknown as Uint8Array), TypeError);
  assertEquals(pair.receiver.tryReceive(), pattern(1000));
  pair.sender.closeSending();
  assertEquals(await pair.receiver.receiveInto(target), null);
});

for (const start of [0, 1, 4, 6]) {
  Deno.test(`Channel.tryReceiveInto() fills an array again and again, from byte ${start} of its buffer`, () => {
    using pair = openPair();
    const target = new Uint8Array(new ArrayBuffer(400), start, 300);
    // More than once each: what is known of an array is used from some time on.
    for (let round = 0; round < 40; round++) {
      for (const byteLength of [0, 1, 3, 8, 24, 27, 64, 255, 256, 257, 300]) {
        const message = pattern(byteLength).map((byte) => byte + round);
        target.fill(99);
        pair.sender.sendSync(message);
        assertEquals(pair.receiver.tryReceiveInto(target), byteLength);
        assertEquals(target.subarray(0, byteLength), message);
        assert(target.subarray(byteLength).every((byte) => byte === 99), "nothing after it");
      }
    }
  });
}

Deno.test("Channel.tryReceiveInto() fills all of an array that has grown since", () => {
  using pair = openPair();
  const buffer = new ArrayBuffer(16, { maxByteLength: 256 });
  const target = new Uint8Array(buffer);
  const receive = (byteLength: number): void => {
    pair.sender.sendSync(pattern(byteLength));
    assertEquals(pair.receiver.tryReceiveInto(target), byteLength);
    assertEquals(target.subarray(0, byteLength), pattern(byteLength));
  };
  for (let i = 0; i < 40; i++) receive(16);
  buffer.resize(256);
  for (let i = 0; i < 40; i++) receive(200);
  buffer.resize(8);
  for (let i = 0; i < 40; i++) receive(8);
  pair.sender.sendSync(pattern(16));
  assertThrows(() => pair.receiver.tryReceiveInto(target), RangeError, "the target has 8");
});

/** What an awaited call takes. */
const AWAITED: Record<string, (channel: Channel) => Promise<unknown>> = {
  receive: (channel) => channel.receive(),
  receiveInto: (channel) => channel.receiveInto(new Uint8Array(100)),
  receiveMany: (channel) => channel.receiveMany(10),
};

for (const [method, receive] of Object.entries(AWAITED)) {
  Deno.test(`Channel.${method}() lets the event loop run while messages are always there`, async () => {
    using pair = openPair();
    let fired = false;
    const timer = setTimeout(() => fired = true, 1);
    let count = 0;
    for (; !fired && count < 3_000_000; count++) {
      pair.sender.trySend(numbered(count));
      await receive(pair.receiver);
    }
    clearTimeout(timer);
    assert(fired, `no timer within ${count} messages`);
  });

  for (const consumers of ["single", "multiple"] as const) {
    Deno.test(`Channel.${method}() does not prepare to sleep if a message is there: ${consumers}`, async () => {
      using region = MmapRegion.anonymous(8192);
      using channel = Channel.over(region, 0, { consumers, wait: "block" });
      channel.sendSync(numbered(1));
      await receive(channel);
      assertEquals(region.view(Int32Array)[RECEIVE_BELL], 0); // or the next message would wake
      const waiting = receive(channel);
      assertEquals(region.view(Int32Array)[RECEIVE_BELL], 1);
      channel.sendSync(numbered(2));
      await waiting;
    });
  }
}

Deno.test("Channel.sendMany() does not prepare to sleep if there is room", async () => {
  using region = MmapRegion.anonymous(8192);
  using channel = Channel.over(region, 0, { wait: "block" });
  await channel.sendMany([numbered(1), numbered(2)]);
  assertEquals(region.view(Int32Array)[SEND_BELL], 0);
});

Deno.test("Channel.stats() says what was sent and received, and by whom", () => {
  using pair = openPair();
  pair.sender.sendSync(bytes("0123456789"));
  pair.sender.sendSync(bytes(""));
  const { producers, consumers, ...before } = pair.receiver.stats();
  assertEquals(before, { sentByteLength: 32, receivedByteLength: 0, queuedByteLength: 32 });
  assertEquals([producers, consumers], [[Deno.pid], []]);
  pair.receiver.tryReceive();
  assertEquals(pair.sender.stats().receivedByteLength, 24);
  assertEquals(pair.sender.stats().queuedByteLength, 8);
  assertEquals(pair.sender.stats().consumers, [Deno.pid]);
  pair.sender.close();
  assertThrows(() => pair.sender.stats(), Deno.errors.BadResource);
});
