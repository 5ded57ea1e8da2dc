/** Preloaded into `deno test`: marks the tests that cannot run in the emulator as ignored. */

import { reasonToSkip } from "./skips.ts";

const value = new Proxy(Deno.test, {
  apply(test, self, args: [string | { name: string }, ...unknown[]]): void {
    const name = typeof args[0] === "string" ? args[0] : args[0].name;
    if (reasonToSkip(name) === undefined) Reflect.apply(test, self, args);
    else test.ignore(name, () => {});
  },
});
Object.defineProperty(Deno, "test", { value });
