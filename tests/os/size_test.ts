/** Sizes of objects that several processes change. */

import { assertEquals } from "@std/assert";
import { system } from "../../src/os/mod.ts";

Deno.test("an extension of memory is taken back only while nobody has made it longer still", () => {
  const { objects } = system();
  const object = objects.anonymous("taken back", 100, 65536);
  const sizeAfter = (act: () => void): number => (act(), objects.status(object).byteLength);
  const extend = (to: number) =>
    objects.extend(object, objects.status(object), to, false, undefined);
  assertEquals(sizeAfter(() => extend(200)), 200);
  assertEquals(sizeAfter(() => objects.takeBack(object, 100, 200)), 100);
  assertEquals(sizeAfter(() => (extend(200), extend(300))), 300);
  assertEquals(sizeAfter(() => objects.takeBack(object, 100, 200)), 300);
  assertEquals(sizeAfter(() => extend(200)), 300);
  objects.close(object);
});
