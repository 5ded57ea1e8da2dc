/** The methods of an object, called from elsewhere. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Client, connect, serveObject } from "@mmap/mmap/channel";
import { serialize } from "node:v8";
import { bytes } from "../_channels.ts";
import { clientChild } from "./_calls.ts";

async function withObject(object: object, use: (client: Client) => Promise<void>): Promise<void> {
  await using server = serveObject({}, object);
  await using client = connect(server.handle());
  await use(client);
}

Deno.test("Client.object() calls the methods of the server's object", async () => {
  const api = {
    sum: 0,
    add(a: number, b: number): number {
      return this.sum = a + b;
    },
    later: (text: string): Promise<string> => Promise.resolve(`${text} later`),
    nothing: () => {},
  };
  await withObject(api, async (client) => {
    const remote = client.object<typeof api>();
    assertEquals(await remote.add(1, 2), 3);
    assertEquals(api.sum, 3);
    assertEquals(await remote.later("much"), "much later");
    assertEquals(await remote.nothing(), undefined);
    assertEquals(await Promise.all([remote.add(1, 1), remote.add(2, 2)]), [2, 4]);
    // @ts-expect-error: it has no such method
    await assertRejects(() => remote.subtract(1), TypeError, 'no method "subtract"');
    // @ts-expect-error: what is no method cannot be called
    await assertRejects(() => remote.sum(), TypeError, 'no method "sum"');
    // @ts-expect-error: the types of arguments are checked
    assertEquals(await remote.add("a", 2), "a2");
  });
});

Deno.test("Client.object() passes whatever can be cloned", async () => {
  const cycle: { self?: unknown; map: Map<unknown, unknown> } = {
    map: new Map([[1n, new Set([2])]]),
  };
  cycle.self = cycle;
  await withObject({ echo: (value: unknown) => value }, async (client) => {
    const remote = client.object<{ echo(value: unknown): unknown }>();
    for (const value of [cycle, new Date(5), undefined, null, new Float32Array([1.5]), [1, , 3]]) {
      assertEquals(await remote.echo(value), value);
    }
    await assertRejects(() => remote.echo(() => {}), TypeError, "cannot be cloned");
  });
  await withObject({ give: () => () => {} }, async (client) => {
    await assertRejects(
      () => client.object<{ give(): void }>().give(),
      TypeError,
      "cannot be cloned",
    );
  });
});

Deno.test("Client.object() throws what the method throws, and keeps to limits of time", async () => {
  const api = {
    fail: (): never => {
      throw new Deno.errors.NotFound("no such thing");
    },
    hang: () => new Promise<void>(() => {}),
  };
  await withObject(api, async (client) => {
    const remote = client.object<typeof api>();
    await assertRejects(() => remote.fail(), Deno.errors.NotFound, "no such thing");
    const limited = client.object<typeof api>({ timeoutMs: 10 });
    await assertRejects(() => limited.hang(), Deno.errors.TimedOut);
  });
});

Deno.test("serveObject() lets the methods of a class be called, and of the classes it extends", async () => {
  class Base {
    base(): string {
      return `base of ${this.constructor.name}`;
    }
    both(): string {
      return "base";
    }
  }
  class Derived extends Base {
    readonly #secret = "secret";
    override both(): string {
      return this.#secret;
    }
    get computed(): () => string {
      throw new Error("a getter was run");
    }
    static create(): void {}
  }
  await withObject(new Derived(), async (client) => {
    const remote = client.object<Derived>();
    assertEquals(await remote.base(), "base of Derived");
    assertEquals(await remote.both(), "secret");
    await assertRejects(() => remote.computed(), TypeError, "no method");
  });
});

Deno.test("serveObject() lets nothing be called that is not a method of the object", async () => {
  const api = Object.assign(Object.create({ inherited: () => "fine" }), {
    own: () => "own",
    then: () => {},
  });
  const before = Object.keys(Object.prototype);
  await withObject(api, async (client) => {
    const call = (name: unknown, args: unknown) => client.call(serialize([name, args]));
    const names = [
      "constructor",
      "__proto__",
      "prototype",
      "then",
      "toString",
      "valueOf",
      "hasOwnProperty",
      "__defineGetter__",
      "__lookupGetter__",
      "isPrototypeOf",
      "call",
      "apply",
      "",
      "own ",
    ];
    for (const name of names) await assertRejects(() => call(name, []), TypeError, "no method");
    for (const name of [1, null, ["own"], undefined]) {
      await assertRejects(() => call(name, []), TypeError, "not a method call");
    }
    await assertRejects(() => call("own", "text"), TypeError, "not a method call");
    await assertRejects(() => client.call(bytes("nonsense")), Deno.errors.InvalidData);
    await assertRejects(() => client.call(new Uint8Array()), Deno.errors.InvalidData);
    const remote = client.object<{ own(): string; inherited(): string }>();
    assertEquals([await remote.own(), await remote.inherited()], ["own", "fine"]);
    api.added = () => "added";
    await assertRejects(() => call("added", []), TypeError, "no method");
  });
  assertEquals(Object.keys(Object.prototype), before);
});

Deno.test("Client.object() gives an object that is no promise and seems empty", async () => {
  await withObject({ own: () => 1 }, async (client) => {
    const remote = client.object<{ own(): number }>();
    const same: unknown = await (remote as unknown);
    assert(same === remote);
    const any = remote as unknown as Record<string | symbol, unknown>;
    for (const key of ["then", "constructor", "__proto__", Symbol.iterator, Symbol.toPrimitive]) {
      assertEquals(any[key], undefined);
    }
    assertEquals([Object.keys(any), "own" in any, any.own === any.own], [[], false, true]);
    assertThrows(() => any.own = 1, TypeError);
    assert(Deno.inspect(remote).length < 100);
    assertThrows(() => structuredClone(remote));
  });
});

Deno.test("serveObject() throws TypeError if there is nothing to call", () => {
  for (const object of [{}, { a: 1 }, Object.create(null)]) {
    assertThrows(() => serveObject({}, object), TypeError, "must have a method");
  }
  for (const wrong of [null, undefined, 5, () => {}]) {
    assertThrows(() => serveObject({}, wrong as unknown as object), TypeError, "must be an object");
  }
});

Deno.test("Client.object() works from another process", async () => {
  await using server = serveObject({}, {
    add: (a: number, b: number) => a + b,
    pid: () => Deno.pid,
  });
  await using child = clientChild(server, "callObject");
  assertEquals(await child.readLine(), "42");
  assertEquals(await child.readLine(), `${Deno.pid}`);
  assertEquals(await child.readLine(), "TypeError");
  assertEquals((await child.ended()).code, 0);
});
