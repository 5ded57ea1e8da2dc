/** Makes an isolate believe that it runs on macOS, with the Darwin twin in libSystem's place. */

import type { Belief } from "../../tools/darwin/build.ts";

type Definitions = Record<string, Deno.ForeignFunction | Deno.ForeignStatic>;

/** What libSystem has and does as glibc does. All else comes from the twin, or is not there. */
const SAME = new Set(["memchr", "memmem", "memcmp", "memcpy", "bsearch", "getenv"]);

/** How many parameters of the variadic functions are fixed ones. */
const FIXED: Record<string, number> = { open: 2, openat: 3, shm_open: 2, fcntl: 2 };

/** Apple's arm64 convention has eight registers for arguments, and variadic ones behind them. */
const REGISTERS = 8;

/** Changes `Deno` and `Worker` of this isolate; children and Workers that it starts follow. */
export function believe(belief: Belief): void {
  const { arch, deno, library } = belief;
  const { build, dlopen, execPath } = Deno;
  const target = `${arch}-apple-darwin`;
  replace(Deno, "build", { ...build, os: "darwin", arch, vendor: "apple", target, env: undefined });
  replace(Deno, "execPath", () => {
    execPath(); // may be forbidden
    return deno;
  });
  replace(Deno, "dlopen", (path: string | URL, symbols: Deno.ForeignLibraryInterface) => {
    if (!String(path).includes("libSystem")) return dlopen(path, symbols);
    return dlopen(library, renamed(symbols as Definitions, arch) as Deno.ForeignLibraryInterface);
  });
  replace(globalThis, "Worker", believingWorker(belief.module));
}

function replace(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

/** Definitions with the names that the twin's functions have. */
function renamed(definitions: Definitions, arch: Belief["arch"]): Definitions {
  return Object.fromEntries(
    Object.entries(definitions).map(([key, definition]) => {
      const name = definition.name ?? key;
      const count = "parameters" in definition ? definition.parameters.length : 0;
      return [key, { ...definition, name: nameOf(name, count, arch) }];
    }),
  );
}

function nameOf(name: string, parameterCount: number, arch: Belief["arch"]): string {
  if (SAME.has(name)) return name;
  const fixed = FIXED[name];
  if (arch === "x86_64" || fixed === undefined || parameterCount <= fixed) return `darwin_${name}`;
  if (parameterCount > REGISTERS) return `darwin_${name}_on_stack`;
  throw new TypeError(`A variadic argument of ${name}() is in a register`);
}

/** Workers whose modules find the belief taken up. */
function believingWorker(module: string): typeof Worker {
  return class extends Worker {
    constructor(script: string | URL, options?: WorkerOptions) {
      super(believing(String(script), module), options);
    }
  };
}

/** A module that takes the belief up before it is the script. */
function believing(script: string, module: string): string {
  const first = `import ${JSON.stringify(module)};`;
  if (!script.startsWith("data:")) return dataUrl(`${first}import ${JSON.stringify(script)};`);
  const [, type, base64, body] = /^data:([^;,]*)(?:;(?!base64)[^;,]*)*(;base64)?,(.*)$/s.exec(
    script,
  )!;
  const text = decodeURIComponent(body!);
  return dataUrl(first + (base64 === undefined ? text : fromBase64(text)), type);
}

function dataUrl(code: string, type = "text/javascript"): string {
  return `data:${type},${encodeURIComponent(code)}`;
}

function fromBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
}
