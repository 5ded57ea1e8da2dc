/** Imports of the module, watched from before. Each action starts without libc. */

import { act } from "../_act.ts";

// deno-lint-ignore no-explicit-any -- its functions are replaced
const runtime = Deno as any;

/** What of Deno was called. */
const called: string[] = [];

function watch(): void {
  for (const name of Object.keys(runtime)) {
    if (typeof runtime[name] === "function" && /^[a-z]/.test(name)) {
      const real = runtime[name];
      runtime[name] = (...args: unknown[]) => {
        called.push(name);
        return real(...args);
      };
    }
  }
}

/** Imports the module. @returns it, and what that called */
async function load(): Promise<{ module: typeof import("@mmap/mmap"); atImport: string[] }> {
  watch();
  const module = await import("@mmap/mmap");
  await import("@mmap/mmap/libc");
  return { module, atImport: [...called] };
}

/** The error of a first call. */
function firstError({ MmapRegion }: typeof import("@mmap/mmap")): Error {
  try {
    MmapRegion.anonymous(1);
  } catch (error) {
    return error as Error;
  }
  throw new Error("The call has thrown nothing");
}

await act({
  importAlone: async () => (await load()).atImport,

  async callWithoutPermission(): Promise<unknown> {
    const error = firstError((await load()).module);
    return [error.name, error instanceof Deno.errors.NotCapable];
  },

  async call(): Promise<unknown> {
    const { module: { MmapRegion }, atImport } = await load();
    for (let i = 0; i < 3; i++) MmapRegion.anonymous(1).close();
    return [atImport, called.filter((name) => name === "dlopen")];
  },

  async callWithoutLibrary(): Promise<unknown> {
    const module = await import("@mmap/mmap");
    runtime.dlopen = (name: string) => {
      throw new Error(`Could not open library: ${name} is gone`);
    };
    const { name, message } = firstError(module);
    return [name, message];
  },

  async callOnOther(): Promise<unknown> {
    const build = { ...Deno.build, os: "freebsd" };
    Object.defineProperty(globalThis, "Deno", { value: { ...Deno, build } });
    const { name, message } = firstError(await import("@mmap/mmap"));
    return [name, message];
  },
});
