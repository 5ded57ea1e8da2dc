/** `mmap reap`, in a /dev/shm of its own: it acts on the whole system. */

import { assertEquals, assertMatch } from "@std/assert";
import { Child, KILLED } from "../_child.ts";
import { mmap, mmapJson, mmapPrints } from "./_cli.ts";
import { uniqueName } from "./_objects.ts";
import { CAN_BE_PRIVATE, PrivateShm } from "./_private_shm.ts";

const WINDOWS = Deno.build.os === "windows";
const PEERS = new URL("_peers.ts", import.meta.url);

/** Runs `body` with a dead and a living owner's object and a foreign one. */
async function withObjects(
  body: (
    shm: PrivateShm,
    names: { dead: string; living: string; foreign: string },
  ) => Promise<void>,
): Promise<void> {
  const names = {
    dead: `a-${uniqueName()}`,
    living: `b-${uniqueName()}`,
    foreign: `c-${uniqueName()}`,
  };
  await using shm = await PrivateShm.make();
  await shm.shell(`echo content > /dev/shm/${names.foreign}`);
  await using _owner = await shm.owner(names.living);
  const killed = await shm.owner(names.dead);
  killed.kill("SIGKILL");
  assertEquals((await killed.ended()).signal, "SIGKILL");
  await body(shm, names);
}

/** On Windows a name goes with its creator: there is nothing left to be reaped. */
interface Creators {
  readonly dead: string;
  readonly living: string;
}

/** The same there, without what others have made. All tests have one list of names. */
async function withCreators(body: (names: Creators) => Promise<void>): Promise<void> {
  const names = { dead: uniqueName(), living: uniqueName() };
  await using owner = new Child(PEERS, { args: ["own", names.living] });
  await using killed = new Child(PEERS, { args: ["own", names.dead] });
  for (const child of [owner, killed]) await child.readLine();
  killed.kill();
  const { code, signal } = await killed.ended();
  assertEquals({ code, signal }, KILLED);
  await body(names);
}

async function listsTheLiving({ dead, living }: Creators): Promise<void> {
  const objects: { name: string; owner: { alive: boolean } }[] = await mmapJson(["ls"]);
  const seen = objects.filter(({ name }) => [dead, living].includes(name));
  assertEquals(seen.map(({ name, owner }) => [name, owner.alive]), [[living, true]]);
  const lines = (await mmapPrints(["ls"])).split("\n").map((line) => line.split(/\s+/));
  assertEquals(lines.find(([name]) => name === living)?.at(-1), "alive");
  assertEquals(lines.find(([name]) => name === dead), undefined);
}

async function reapsNothing({ dead, living }: Creators): Promise<void> {
  const reapable: string[] = await mmapJson(["reap", "--dry-run"]);
  assertEquals(reapable.filter((name) => [dead, living].includes(name)), []);
  assertEquals(await mmapPrints(["reap"]), "no shared memory to remove\n");
  await listsTheLiving({ dead, living });
}

async function removesNothing(names: Creators): Promise<void> {
  assertEquals(await mmapJson(["reap"]), []);
  await listsTheLiving(names);
}

/** @throws what `mmap rm` says */
async function removesNobodys(names: Creators): Promise<void> {
  const { code, stdout, stderr } = await mmap(["rm", names.living, names.dead]);
  assertEquals([code, stdout], [1, ""]);
  const [first, second, ...more] = stderr.trimEnd().split("\n");
  assertMatch(
    first!,
    new RegExp(`^mmap: Cannot unlink shared memory "${names.living}" on Windows`),
  );
  assertMatch(second!, new RegExp(`^mmap: [^\n]+ \\(os error 2\\): \\w+ '${names.dead}'$`));
  assertEquals(more, []);
  await listsTheLiving(names);
}

/** What is there, owner files too. */
async function visible(shm: PrivateShm): Promise<string[]> {
  return (await shm.shell("ls -1 /dev/shm")).trimEnd().split("\n");
}

Deno.test({
  name: "mmap ls tells dead owners from living ones",
  ignore: !CAN_BE_PRIVATE && !WINDOWS,
  fn: () =>
    WINDOWS ? withCreators(listsTheLiving) : withObjects(async (shm, { dead, living, foreign }) => {
      const objects: { name: string; owner?: { alive: boolean } }[] = await mmapJson(
        ["ls"],
        shm.options,
      );
      assertEquals(objects.map(({ name, owner }) => [name, owner?.alive]), [
        [dead, false],
        [living, true],
        [foreign, undefined],
      ]);
      const lines = (await mmapPrints(["ls"], shm.options)).trimEnd().split("\n").slice(1);
      assertEquals(lines.map((line) => line.split(/\s+/).at(-1)), ["dead", "alive", "-"]);
    }),
});

Deno.test({
  name: "mmap reap removes what dead owners left, and nothing else",
  ignore: !CAN_BE_PRIVATE && !WINDOWS,
  fn: () =>
    WINDOWS ? withCreators(reapsNothing) : withObjects(async (shm, { dead, living, foreign }) => {
      assertEquals(await mmapPrints(["reap", "--dry-run"], shm.options), `${dead}\n`);
      assertEquals(await mmapJson(["reap", "--dry-run"], shm.options), [dead]);
      assertEquals(await visible(shm), [dead, living, foreign]);
      assertEquals(await mmapPrints(["reap"], shm.options), `${dead}\n`);
      assertEquals(await visible(shm), [living, foreign]);
      for (const args of [["reap"], ["reap", "--dry-run"]]) {
        assertEquals(await mmapPrints(args, shm.options), "no shared memory to remove\n");
        assertEquals(await mmapJson(args, shm.options), []);
      }
      assertEquals(await visible(shm), [living, foreign]);
    }),
});

Deno.test({
  name: "mmap reap --json lists what was removed",
  ignore: !CAN_BE_PRIVATE && !WINDOWS,
  fn: () =>
    WINDOWS ? withCreators(removesNothing) : withObjects(async (shm, { dead, living, foreign }) => {
      assertEquals(await mmapJson(["reap"], shm.options), [dead]);
      assertEquals(await visible(shm), [living, foreign]);
    }),
});

Deno.test({
  name: "mmap rm removes what a living process holds",
  ignore: !CAN_BE_PRIVATE && !WINDOWS,
  fn: () =>
    WINDOWS ? withCreators(removesNobodys) : withObjects(async (shm, { dead, living, foreign }) => {
      assertEquals(await mmapPrints(["rm", living, dead], shm.options), "");
      assertEquals(await visible(shm), [foreign]);
      assertEquals(await shm.shell("ls -A /dev/shm"), `${foreign}\n`); // no owner files either
    }),
});
