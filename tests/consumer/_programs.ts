/** What a stranger writes with each entry point, with types that only hold if they are resolved. */

/** A program and the lines that it prints. */
export interface Program {
  readonly code: string;
  readonly prints: readonly string[];
}

const main: Program = {
  code: `
    import { isSystemError, MmapRegion, type Protection } from "jsr:@mmap/mmap";

    using file = MmapRegion.open("numbers.bin", {
      access: "read-write",
      create: true,
      byteLength: 8192,
    });
    const numbers: Int32Array = file.view(Int32Array);
    numbers[1] = 42;
    file.flushSync();
    using again = MmapRegion.open(new URL("numbers.bin", import.meta.url));
    console.log(again.byteLength, again.view(Int32Array)[1]);

    using memory = MmapRegion.anonymous(4096);
    using attached = MmapRegion.attach(memory.handle());
    Atomics.add(memory.view(Int32Array), 0, 7);
    console.log(Atomics.load(attached.view(Int32Array), 0), MmapRegion.guardState());

    const protection: Protection = "read";
    memory.protect(protection);
    memory.bytes[0] = 1;
    console.log(memory.faults, attached.bytes[0]);

    try {
      MmapRegion.open("missing.bin");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || !isSystemError(error)) throw error;
      console.log(error.code, error.syscall);
    }

    export function refused(region: MmapRegion): void {
      // @ts-expect-error: a length is a number
      MmapRegion.anonymous("4096");
      // @ts-expect-error: no such protection
      region.protect("write");
    }
  `,
  prints: ["8192 42", "7 on", "1 7", "ENOENT open"],
};

const sync: Program = {
  code: `
    import { MmapRegion } from "jsr:@mmap/mmap";
    import { Mutex, type MutexGuard, Semaphore, type WaitResult } from "jsr:@mmap/mmap/sync";

    using region = MmapRegion.anonymous(4096);
    const mutex = new Mutex(region, 0);
    {
      using guard: MutexGuard = await mutex.lock({ timeoutMs: 10_000 });
      console.log(mutex.locked, guard.ownerDied, new Mutex(region, 0).tryLock());
    }
    console.log(mutex.locked);

    const semaphore = new Semaphore(region, Mutex.byteLength);
    const acquired = semaphore.acquire({ timeoutMs: 10_000 });
    semaphore.release(2);
    await acquired;
    console.log(semaphore.count);

    export function refused(): WaitResult {
      // @ts-expect-error: a mutex stands in a region
      new Mutex(4096);
      // @ts-expect-error: no such result
      return "woken";
    }
  `,
  prints: ["true false null", "false", "1"],
};

const libc: Program = {
  code: `
    import * as c from "jsr:@mmap/mmap/libc";

    const pageSize: number = Number(c.sysconf(c._SC_PAGESIZE));
    const flags = c.MAP_PRIVATE | c.MAP_ANONYMOUS;
    const address = c.mmap(null, pageSize, c.PROT_READ | c.PROT_WRITE, flags, -1, 0);
    console.log(c.munmap(address, pageSize));
    try {
      c.munmap(address, 0);
    } catch (error) {
      console.log(c.isSystemError(error) && error.code);
    }

    export function refused(): void {
      // @ts-expect-error: six arguments
      c.mmap(null, 4096);
    }
  `,
  prints: ["0", "EINVAL"],
};

const cli: Program = {
  code: `
    import { main } from "jsr:@mmap/mmap/cli";

    const code: number = await main(["no-such-command"]);
    console.log(code, await main(["ls", "--no-such-option"]));

    export function refused(): void {
      // @ts-expect-error: a list of arguments
      main("ls");
    }
  `,
  prints: ["2 2"],
};

const channel: Program = {
  code: `
    import { Channel, Latest } from "jsr:@mmap/mmap/channel";

    using sender: Channel = Channel.create({ capacity: 65536 });
    using receiver = Channel.attach(sender.handle());
    await sender.send(new Uint8Array([1, 2, 3]), { timeoutMs: 10_000 });
    sender.closeSending();
    for await (const message of receiver) console.log(message.join());
    console.log(receiver.ended);

    using latest = Latest.create({ byteLength: 4 });
    latest.write(new Uint8Array([4, 3, 2, 1]));
    console.log(latest.read().join());

    export function refused(): void {
      // @ts-expect-error: the capacity is needed
      Channel.create({});
      // @ts-expect-error: messages are bytes
      sender.trySend("text");
    }
  `,
  prints: ["1,2,3", "true", "4,3,2,1"],
};

const struct: Program = {
  code: `
    import { MmapRegion } from "jsr:@mmap/mmap";
    import { chars, i32, struct, type StructValue } from "jsr:@mmap/mmap/struct";

    const Person = struct({ name: chars(4), age: i32 });
    type Person = StructValue<typeof Person>;

    using region = MmapRegion.anonymous(4096);
    const people = Person.array(region, { byteOffset: 0, length: 10 });
    const ann: Person = { name: "Ann", age: 42 };
    people.at(3).set(ann);
    const age: number = people.at(3).age;
    console.log(age, people.at(3).name, Person.byteLength, Person.offsets.age);

    export function refused(): void {
      // @ts-expect-error: an age is a number
      people.at(0).age = "old";
      // @ts-expect-error: no such field
      people.at(0).height;
    }
  `,
  prints: ["42 Ann 8 4"],
};

const collections: Program = {
  code: `
    import { AppendLog, SharedArray, SharedMap } from "jsr:@mmap/mmap/collections";
    import { f64 } from "jsr:@mmap/mmap/struct";

    using log = AppendLog.open("events.log", { create: true });
    log.append(new TextEncoder().encode("began"));
    for (const { record } of log.entries()) console.log(new TextDecoder().decode(record));

    using map = SharedMap.open("cache.map", { create: true, capacity: 100 });
    map.set("answer", new Uint8Array([42]));
    const value: Uint8Array | undefined = map.get("answer");
    console.log(map.size, value?.[0]);

    using numbers = SharedArray.open("numbers.array", f64, { create: true });
    const length: number = numbers.push(0.5, 0.25);
    console.log(length, numbers.at(1));

    export function refused(): void {
      // @ts-expect-error: values are bytes
      map.set("answer", 42);
      // @ts-expect-error: elements are numbers
      numbers.push("one");
    }
  `,
  prints: ["began", "1 42", "2 0.25"],
};

/** The programs by the entry point that each is about. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  ".": main,
  "./channel": channel,
  "./cli": cli,
  "./collections": collections,
  "./libc": libc,
  "./struct": struct,
  "./sync": sync,
};
