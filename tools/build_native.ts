/**
 * Compiles the pieces of machine code for both architectures and writes them as text:
 * `deno task build-native`. Needs Debian's gcc and gcc-aarch64-linux-gnu.
 *
 * - ffi/guard/guard.c, the fault guard's signal handler: a flat block of code, another one for macOS, and
 *   another one for Windows. The same compilers will do: code without a library differs alone in what it
 *   calls, and how;
 * - ffi/search/find.c, the search for two bytes at once: a flat block that lies behind the guard's, and
 *   another one for Windows, whose functions are called in another way;
 * - ffi/store/store.c, buffers that tell when their last holder is gone: a Node-API module.
 */

import { fromFileUrl } from "@std/path";

const FFI = new URL("../ffi/", import.meta.url);

const FLAGS = [
  "-std=c11 -Wall -Wextra -Werror -fPIC -fvisibility=hidden -fno-ident -fomit-frame-pointer",
  // No library, no start files, and no calls or data that the compiler adds on its own.
  "-ffreestanding -nostdlib -fno-stack-protector -fno-jump-tables",
  "-fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables -fno-unwind-tables",
  "-Wl,--build-id=none -Wl,-z,noexecstack",
];

/** The compilers, by Deno's names of the architectures. */
export const COMPILERS = {
  x86_64: { prefix: "", flags: ["-fcf-protection=none"] },
  aarch64: { prefix: "aarch64-linux-gnu-", flags: ["-mno-outline-atomics"] },
} as const;

/** An architecture with machine code. */
export type Architecture = keyof typeof COMPILERS;

/** Further flags for macOS, which keeps a register of arm64 for itself. */
const DARWIN_FLAGS = { x86_64: [], aarch64: ["-ffixed-x18"] } as const;

/** Further flags for Windows: its own way to call functions, and the register that it keeps, too. */
const WINDOWS_FLAGS = {
  x86_64: ["-mabi=ms", "-mno-red-zone"],
  aarch64: ["-ffixed-x18"],
} as const;

const GUARD_FLAGS = "-Os -mgeneral-regs-only -static -Wl,-T,guard.ld";
const SEARCH_FLAGS = "-O2 -static -Wl,-T,find.ld";

/** What is compiled, where its source and its text lie in ffi, and how. */
export const PIECES = {
  guard: {
    source: "guard/guard.c",
    text: "guard/code.ts",
    constant: "GUARD_CODE",
    title: "The machine code of the fault guard's signal handler",
    flags: [GUARD_FLAGS],
    flat: true,
  },
  darwinGuard: {
    source: "guard/guard.c",
    text: "guard/code_darwin.ts",
    constant: "DARWIN_GUARD_CODE",
    title: "The machine code of the fault guard's signal handler for macOS",
    flags: ["-DDARWIN", GUARD_FLAGS],
    flat: true,
    more: DARWIN_FLAGS,
  },
  windowsGuard: {
    source: "guard/guard.c",
    text: "guard/code_windows.ts",
    constant: "WINDOWS_GUARD_CODE",
    title: "The machine code of the fault guard's exception handler for Windows",
    flags: ["-DWINDOWS", GUARD_FLAGS],
    flat: true,
    more: WINDOWS_FLAGS,
  },
  search: {
    source: "search/find.c",
    text: "search/code.ts",
    constant: "SEARCH_CODE",
    title: "The machine code of the search for two bytes at once",
    flags: [SEARCH_FLAGS],
    flat: true,
    more: { x86_64: ["-mavx2"], aarch64: ["-ffixed-x18"] }, // macOS runs it, too
  },
  windowsSearch: {
    source: "search/find.c",
    text: "search/code_windows.ts",
    constant: "WINDOWS_SEARCH_CODE",
    title: "The machine code of the search for two bytes at once for Windows",
    flags: [SEARCH_FLAGS],
    flat: true,
    more: { x86_64: [...WINDOWS_FLAGS.x86_64, "-mavx2"], aarch64: WINDOWS_FLAGS.aarch64 },
  },
  store: {
    source: "store/store.c",
    text: "store/code.ts",
    constant: "STORE_CODE",
    title: "The Node-API module that makes buffers which tell when their last holder is gone",
    flags: [
      "-Os -mgeneral-regs-only -shared -s -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--hash-style=gnu",
    ],
    flat: false,
  },
} as const;

/** The name of a piece. */
export type Piece = keyof typeof PIECES;

/** What a program printed, and whether it succeeded, which one that is not there does not. */
export interface Result {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end: here, or on the system below. */
export type Run = (program: string, args: string[]) => Promise<Result>;

/** The version of a compiler; undefined if it is not installed. */
export async function compilerVersion(
  architecture: Architecture,
  run: Run = runHere,
): Promise<string | undefined> {
  const { prefix } = COMPILERS[architecture];
  const { success, stdout } = await run(`${prefix}gcc`, ["-dumpfullversion"]);
  return success ? stdout.trim() : undefined;
}

/** Compiles a piece: the result is flat machine code, or a shared object. */
export async function compile(
  piece: Piece,
  architecture: Architecture,
  run: Run = runHere,
): Promise<Uint8Array> {
  const { prefix, flags } = COMPILERS[architecture];
  const source = fromFileUrl(new URL(PIECES[piece].source, FFI));
  const folder = fromFileUrl(new URL(".", new URL(PIECES[piece].source, FFI)));
  const wanted = PIECES[piece];
  const more = "more" in wanted ? wanted.more[architecture] : [];
  const words = [...FLAGS, ...wanted.flags, ...more].join(" ").split(" ");
  const directory = await Deno.makeTempDir({ prefix: "native-" });
  try {
    const linked = `${directory}/${piece}.elf`;
    const flat = `${directory}/${piece}.bin`;
    // The folder is where the linker's script is looked for.
    const all = ["-L", folder, ...words, ...flags, "-o", linked, source];
    check(await run(`${prefix}gcc`, all));
    if (!PIECES[piece].flat) return await Deno.readFile(linked);
    check(await run(`${prefix}objcopy`, ["-O", "binary", linked, flat]));
    return await Deno.readFile(flat);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function check({ success, stderr }: Result): void {
  if (!success) throw new Error(`Compiling failed: ${stderr}`);
}

/** Runs a program of this system. */
export async function runHere(program: string, args: string[]): Promise<Result> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
    const text = new TextDecoder();
    return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { success: false, stdout: "", stderr: error.message };
  }
}

async function render(piece: Piece, architecture: Architecture): Promise<string> {
  const code = await compile(piece, architecture);
  const lines = code.toHex().match(/.{1,96}/g)!.map((line) => `    "${line}",`);
  const version = await compilerVersion(architecture);
  return `  ${architecture}: {\n    // ${code.byteLength} bytes, gcc ${version}\n` +
    `    compilerVersion: "${version}",\n    lines: [\n${lines.join("\n")}\n    ],\n  },\n`;
}

/** The file name of a piece's source. */
export function nameOf(piece: Piece): string {
  return PIECES[piece].source.replace(/.*\//, "");
}

/** The path of the type of the generated constants, from their folders. */
const TYPES = "../machine_code.ts";

async function write(piece: Piece): Promise<void> {
  const { constant, title } = PIECES[piece];
  const path = new URL(PIECES[piece].text, FFI);
  const text = `/**
 * ${title}, in hexadecimal: written by
 * \`deno task build-native\` from ${nameOf(piece)}. Do not edit.
 */

import type { MachineCode } from "${TYPES}";

export const ${constant}: MachineCode = {
${await render(piece, "x86_64")}${await render(piece, "aarch64")}};
`;
  await Deno.writeTextFile(path, text);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", path.pathname] }).output();
}

if (import.meta.main) {
  for (const piece of Object.keys(PIECES) as Piece[]) await write(piece);
}
