/** `mmap reap`, in a /dev/shm of its own: it acts on the whole system. */

import { assertEquals } from "@std/assert";
import { mmapJson, mmapPrints } from "./_cli.ts";
import { uniqueName } from "./_objects.ts";
import { CAN_BE_PRIVATE, PrivateShm } from "./_private_shm.ts";

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

/** What is there, owner files too. */
async function visible(shm: PrivateShm): Promise<string[]> {
  return (await shm.shell("ls -1 /dev/shm")).trimEnd().split("\n");
}

Deno.test({
  name: "mmap ls tells dead owners from living ones",
  ignore: !CAN_BE_PRIVATE,
  fn: () =>
    withObjects(async (shm, { dead, living, foreign }) => {
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
  ignore: !CAN_BE_PRIVATE,
  fn: () =>
    withObjects(async (shm, { dead, living, foreign }) => {
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
  ignore: !CAN_BE_PRIVATE,
  fn: () =>
    withObjects(async (shm, { dead, living, foreign }) => {
      assertEquals(await mmapJson(["reap"], shm.options), [dead]);
      assertEquals(await visible(shm), [living, foreign]);
    }),
});

Deno.test({
  name: "mmap rm removes what a living process holds",
  ignore: !CAN_BE_PRIVATE,
  fn: () =>
    withObjects(async (shm, { dead, living, foreign }) => {
      assertEquals(await mmapPrints(["rm", living, dead], shm.options), "");
      assertEquals(await visible(shm), [foreign]);
      assertEquals(await shm.shell("ls -A /dev/shm"), `${foreign}\n`); // no owner files either
    }),
});
