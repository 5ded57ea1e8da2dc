/** Values that are computed once, in one process; others are in processes_test.ts. */

import { number, SharedCache, text } from "@mmap/mmap/collections";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Clock, withCache } from "./_caches.ts";

/** Something that a test lets go when it wants. */
class Gate {
  readonly #open = Promise.withResolvers<void>();
  readonly #reached = Promise.withResolvers<void>();
  calls = 0;
  signal: AbortSignal | undefined;

  /** As `compute`: waits until the gate is open. */
  readonly compute = async (key: unknown, signal: AbortSignal): Promise<string> => {
    this.calls++;
    this.signal = signal;
    this.#reached.resolve();
    await this.#open.promise;
    return `${key} ${this.calls}`;
  };

  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  open(): void {
    this.#open.resolve();
  }
}

Deno.test("getOrCompute() computes once for all who ask, and keeps the value", async () => {
  await withCache({ codec: text }, async (cache, region) => {
    using other = SharedCache.open(region, { codec: text });
    const gate = new Gate();
    const asked = Array.from({ length: 100 }, (_, i) => {
      return (i % 2 === 0 ? cache : other).getOrCompute("key", gate.compute);
    });
    const different = cache.getOrCompute("another", () => "at once");
    assertEquals(await different, "at once");
    await gate.reached;
    gate.open();
    assertEquals(new Set(await Promise.all(asked)), new Set(["key 1"]));
    assertEquals([gate.calls, cache.get("key")], [1, "key 1"]);
    assertEquals(await other.getOrCompute("key", gate.compute), "key 1");
    assertEquals(await cache.getOrCompute(new TextEncoder().encode("key"), gate.compute), "key 1");
    assertEquals([gate.calls, cache.stats().flights], [1, 2]);
  });
});

Deno.test("If compute throws, its caller gets the error, and the next one computes", async () => {
  await withCache({ codec: text }, async (cache, region) => {
    using other = SharedCache.open(region, { codec: text });
    let calls = 0;
    const fail = (): Promise<string> => {
      calls++;
      throw new Error(`failed ${calls}`);
    };
    const asked = [cache, cache, other, other].map((one, i) => {
      return one.getOrCompute("key", i < 3 ? fail : () => "value");
    });
    const ended = await Promise.allSettled(asked);
    const outcomes = ended.map((end) =>
      end.status === "fulfilled" ? end.value : (end.reason as Error).message
    );
    // Each who computed in vain has an error of its own.
    assertEquals(
      outcomes.filter((outcome) => outcome !== "value").sort(),
      [
        "failed 1",
        "failed 2",
        "failed 3",
      ].slice(0, calls),
    );
    assertEquals(outcomes[3], "value");
    assertEquals(cache.get("key"), "value");
    await assertRejects(() => cache.getOrCompute("new", fail), Error, "failed");
    assertEquals([cache.has("new"), await cache.getOrCompute("new", () => "1")], [false, "1"]);
  });
});

Deno.test("An abort ends the wait, and the computation if nobody else waits", async () => {
  await withCache({ codec: text }, async (cache) => {
    const gate = new Gate();
    const first = new AbortController();
    const second = new AbortController();
    const asked = [first, second].map(({ signal }) =>
      cache.getOrCompute("key", gate.compute, { signal })
    );
    const ended = Promise.allSettled(asked);
    await gate.reached;
    first.abort("first");
    await Promise.allSettled([asked[0]]);
    assertEquals(gate.signal!.aborted, false);
    second.abort("second");
    assertEquals((await ended).map((end) => (end as PromiseRejectedResult).reason), [
      "first",
      "second",
    ]);
    assertEquals([gate.signal!.aborted, gate.signal!.reason], [true, "second"]);
    gate.open();
    const aborted = AbortSignal.abort("before");
    const before = gate.calls;
    const late = cache.getOrCompute("other", gate.compute, { signal: aborted });
    assertEquals((await Promise.allSettled([late]))[0], { status: "rejected", reason: "before" });
    assertEquals(gate.calls, before);
  });
});

Deno.test("An abort of who computes leaves the value to those who wait", async () => {
  await withCache({ codec: text }, async (cache, region) => {
    using other = SharedCache.open(region, { codec: text });
    const gate = new Gate();
    const controller = new AbortController();
    const first = cache.getOrCompute("key", gate.compute, { signal: controller.signal });
    const ended = Promise.allSettled([first]);
    await gate.reached;
    const here = cache.getOrCompute("key", gate.compute);
    const there = other.getOrCompute("key", gate.compute);
    controller.abort("enough");
    assertEquals((await ended)[0]!.status, "rejected");
    assertEquals(gate.signal!.aborted, false);
    gate.open();
    assertEquals([await here, await there, gate.calls], ["key 1", "key 1", 1]);
  });
});

Deno.test("An abort does not end what only another isolate waits for", async () => {
  await withCache({ codec: text }, async (cache, region) => {
    using other = SharedCache.open(region, { codec: text });
    const gate = new Gate();
    const controller = new AbortController();
    const first = cache.getOrCompute("key", gate.compute, { signal: controller.signal });
    const ended = Promise.allSettled([first]);
    await gate.reached;
    const there = other.getOrCompute("key", gate.compute);
    // It waits as soon as its own steps are done.
    for (let i = 0; i < 20; i++) await Promise.resolve();
    controller.abort("enough");
    assertEquals((await ended)[0]!.status, "rejected");
    assertEquals(gate.signal!.aborted, false);
    gate.open();
    assertEquals([await there, gate.calls], ["key 1", 1]);
  });
});

Deno.test("undefined is not kept, unless there is an undefinedTtl", async () => {
  using clock = new Clock();
  await withCache({ codec: text }, async (cache) => {
    let calls = 0;
    const none = (): undefined => void calls++;
    assertEquals(await cache.getOrCompute("key", none), undefined);
    assertEquals(await cache.getOrCompute("key", none, { undefinedTtl: 10 }), undefined);
    assertEquals(await cache.getOrCompute("key", none, { undefinedTtl: 10 }), undefined);
    assertEquals(calls, 2);
    assertEquals([cache.get("key"), cache.has("key"), [...cache.keys()]], [undefined, false, []]);
    assertEquals([cache.touch("key", 5), cache.take("other")], [false, undefined]);
    clock.now += 10;
    assertEquals(await cache.getOrCompute("key", none), undefined);
    assertEquals(calls, 3);
    await cache.getOrCompute("key", none, { undefinedTtl: Infinity });
    assertEquals(cache.set("key", "there", { if: "absent" }), true);
    assertEquals(await cache.getOrCompute("key", none), "there");
  });
});

Deno.test("With staleFor, a stale value is given at once, and computed anew once", async () => {
  using clock = new Clock();
  await withCache({ codec: text }, async (cache, region) => {
    using other = SharedCache.open(region, { codec: text });
    const options = { ttl: 10, staleFor: 10 };
    cache.set("key", "old", options);
    clock.now += 10;
    const gate = new Gate();
    for (const one of [cache, cache, other]) {
      assertEquals(await one.getOrCompute("key", gate.compute, options), "old");
    }
    await gate.reached;
    gate.open();
    // Who has no staleFor waits for the new one.
    assertEquals(await cache.getOrCompute("key", gate.compute), "key 1");
    assertEquals([gate.calls, await other.getOrCompute("key", gate.compute, options)], [
      1,
      "key 1",
    ]);
    clock.now += 20;
    assertEquals(await other.getOrCompute("key", () => "new", options), "new");
  });
});

Deno.test("An error of a computation in the background is nobody's", async () => {
  using clock = new Clock();
  await withCache({ codec: text }, async (cache) => {
    const options = { ttl: 10, staleFor: Infinity };
    cache.set("key", "old", options);
    clock.now += 10;
    const fail = (): string => {
      throw new Error("failed");
    };
    assertEquals(await cache.getOrCompute("key", fail, options), "old");
    await assertRejects(() => cache.getOrCompute("key", fail), Error, "failed");
    assertEquals(await cache.getOrCompute("key", fail, { staleOnError: true }), "old");
    await assertRejects(() => cache.getOrCompute("none", fail, { staleOnError: true }), Error);
    assertEquals(await cache.getOrCompute("key", () => "new"), "new");
  });
});

Deno.test("Who has waited for its patience computes for itself", async () => {
  await withCache({ codec: text }, async (cache, region) => {
    using other = SharedCache.open(region, { codec: text });
    const gate = new Gate();
    const first = cache.getOrCompute("key", gate.compute);
    await gate.reached;
    const options = { patience: 1 };
    assertEquals(await cache.getOrCompute("key", () => "here", options), "here");
    cache.delete("key");
    assertEquals(await other.getOrCompute("key", () => "there", options), "there");
    cache.delete("key");
    assertEquals(await other.getOrCompute("key", () => "at once", { patience: 0 }), "at once");
    gate.open();
    assertEquals(await first, "key 1");
  });
});

Deno.test("getOrCompute() gives what the cache has no room for", async () => {
  await withCache({ codec: text, maxEntryByteLength: 100 }, async (cache) => {
    const long = "x".repeat(200);
    assertEquals(await cache.getOrCompute("key", () => long), long);
    assertEquals(cache.has("key"), false);
    await assertRejects(
      () => cache.getOrCompute("key", () => 5 as never),
      TypeError,
      "Cannot encode text",
    );
    for (let i = 0, full = false; !full; i++) {
      full = await cache.getOrCompute(`key ${i}`, () => "x".repeat(80), { evict: false }) !== "" &&
        !cache.has(`key ${i}`);
    }
    assertEquals(cache.stats().evicted, 0);
  });
});

Deno.test("compute may use the cache, and compute other keys", async () => {
  await withCache({ codec: number }, async (cache) => {
    const fibonacci = async (n: number): Promise<number> => {
      const value = await cache.getOrCompute(`${n}`, async () => {
        cache.increment("calls");
        return n < 2 ? n : await fibonacci(n - 1) + await fibonacci(n - 2);
      });
      return value!;
    };
    assertEquals([await fibonacci(60), cache.get("calls")], [1548008755920, 61]);
    // More at once than there are flights of all processes.
    const gates = Array.from({ length: 200 }, () => Promise.withResolvers<number>());
    const asked = gates.map(({ promise }, i) => cache.getOrCompute(`many ${i}`, () => promise));
    gates.forEach(({ resolve }, i) => resolve(i));
    assertEquals(await Promise.all(asked), gates.map((_, i) => i));
  });
});

Deno.test("A cache that is closed ends what getOrCompute() waits for", async () => {
  await withCache({ codec: text }, async (cache, region) => {
    using other = SharedCache.open(region, { codec: text });
    const gate = new Gate();
    const asked = [1, 2].map(() => cache.getOrCompute("key", gate.compute));
    const ended = Promise.allSettled(asked);
    await gate.reached;
    cache.close();
    // Others need not wait for who has closed it.
    assertEquals(await other.getOrCompute("key", () => "other"), "other");
    gate.open();
    for (const end of await ended) {
      assertEquals((end as PromiseRejectedResult).reason.constructor, Deno.errors.BadResource);
    }
    assertEquals(gate.signal!.aborted, true);
    await assertRejects(() => cache.getOrCompute("key", gate.compute), Deno.errors.BadResource);
  });
});

Deno.test("getOrCompute() refuses wrong arguments before it computes", async () => {
  await withCache({ codec: text }, async (cache) => {
    let calls = 0;
    const compute = (): string => `${calls++}`;
    const wrong: [object, new () => Error][] = [
      [{ patience: -1 }, RangeError],
      [{ patience: "1" }, TypeError],
      [{ undefinedTtl: 0 }, RangeError],
      [{ signal: 1 }, TypeError],
      [{ staleOnError: 1 }, TypeError],
      [{ wait: 1 }, TypeError],
    ];
    for (const [options, type] of wrong) {
      await assertRejects(() => cache.getOrCompute("key", compute, options), type);
    }
    await assertRejects(() => cache.getOrCompute("k".repeat(1025), compute), RangeError);
    await assertRejects(() => cache.getOrCompute("key", 1 as never), TypeError);
    assertEquals(calls, 0);
    assertThrows(() => cache.get(1 as never), TypeError);
  });
});
