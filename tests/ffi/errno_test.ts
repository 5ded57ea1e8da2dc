/** Error numbers, names and texts against libc's own. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EFAULT, EINVAL, ENOSPC, EPERM, errnoName, errnoText, ESRCH } from "../../ffi/errno.ts";
import { libc, threadErrno } from "../../ffi/libc.ts";
import { linux, repetitions } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { hasProgram, runC } from "../_gcc.ts";

/** Asks the C library itself: "number name text" for each error number that it knows. */
async function errorsOfC(): Promise<{ errno: number; name: string; text: string }[]> {
  const output = await runC(await Deno.readTextFile(new URL("_errno_names.c", import.meta.url)));
  return output.trimEnd().split("\n").map((line) => {
    const [errno, name, ...text] = line.split(" ");
    return { errno: Number(errno), name: name!, text: text.join(" ") };
  });
}

Deno.test({
  name: "errnoName() and errnoText() say what libc says",
  ignore: linux.ignore || !hasProgram("gcc"),
  async fn(): Promise<void> {
    const known = (await errorsOfC()).filter(({ errno, name, text }) => {
      assertEquals(errnoText(errno), text);
      const ours = errnoName(errno);
      if (ours === `E${errno}`) return false;
      // Two names of one number: libc calls 95 ENOTSUP.
      if (errno !== 95) assertEquals(ours, name);
      return true;
    });
    assert(known.length >= 60, `only ${known.length} have names`);
  },
});

Deno.test({
  name: "errnoName() knows every number that the calls of this module are documented to give",
  ignore: linux.ignore || !hasProgram("gcc"),
  async fn(): Promise<void> {
    const documented =
      "EPERM ENOENT ESRCH EINTR EIO ENXIO EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST ENODEV " +
      "ENOTDIR EISDIR EINVAL ENFILE EMFILE ETXTBSY EFBIG ENOSPC ESPIPE EROFS EPIPE ENAMETOOLONG " +
      "ENOSYS ELOOP EOVERFLOW ETIMEDOUT EDQUOT EOWNERDEAD";
    const numbers = new Map((await errorsOfC()).map(({ errno, name }) => [name, errno]));
    for (const name of documented.split(" ")) assertEquals(errnoName(numbers.get(name)!), name);
  },
});

Deno.test("errnoName() knows the numbers that have names of their own", () => {
  const names = { EPERM, ESRCH, EFAULT, EINVAL, ENOSPC };
  for (const [name, errno] of Object.entries(names)) assertEquals(errnoName(errno), name);
});

Deno.test("errnoName() of an unknown number is E and the number", () => {
  assertEquals(errnoName(4242), "E4242");
});

Deno.test("errnoText() of an unknown number is what libc makes of it", () => {
  assertStringIncludes(errnoText(4242), "4242");
});

Deno.test("threadErrno is the number of the call that failed last", () => {
  assertEquals(libc().close(-1), -1);
  assertEquals(errnoName(threadErrno[0]!), "EBADF");
  assertEquals(libc().munmap(null, 0n), -1);
  assertEquals(errnoName(threadErrno[0]!), "EINVAL");
});

Deno.test("an error has its own number, whatever the engine does meanwhile", async () => {
  // What the engine does once in a process, when it first compiles what runs often, comes at some call.
  const program = new URL("_failing_often.ts", import.meta.url);
  const wrong = await Promise.all(Array.from({ length: repetitions(24) }, () => resultOf(program)));
  assertEquals(wrong.flat(), []);
});
