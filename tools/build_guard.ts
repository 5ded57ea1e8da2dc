/**
 * Compiles ffi/guard/guard.c for both architectures and writes the machine code to
 * ffi/guard/code.ts: `deno task build-guard`. Needs Debian's gcc and gcc-aarch64-linux-gnu.
 */

const GUARD = new URL("../ffi/guard/", import.meta.url);
const CODE = new URL("code.ts", GUARD);

const FLAGS = [
  "-std=c11 -O2 -Wall -Wextra -Werror -fPIC -fvisibility=hidden -fno-ident -fomit-frame-pointer",
  // No library, no start files, and nothing that the compiler would call or place on its own.
  "-ffreestanding -nostdlib -static -fno-stack-protector -fno-jump-tables -mgeneral-regs-only",
  "-fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables -fno-unwind-tables",
  "-Wl,-T,guard.ld -Wl,--build-id=none -Wl,-z,noexecstack",
].join(" ").split(" ");

/** The compilers, by Deno's names of the architectures. */
export const COMPILERS = {
  x86_64: { prefix: "", flags: ["-fcf-protection=none"] },
  aarch64: { prefix: "aarch64-linux-gnu-", flags: ["-mno-outline-atomics"] },
} as const;

/** An architecture that has a guard. */
export type Architecture = keyof typeof COMPILERS;

/** The version of a compiler; undefined if it is not installed. */
export async function compilerVersion(architecture: Architecture): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(`${COMPILERS[architecture].prefix}gcc`, {
      args: ["-dumpfullversion"],
    }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The machine code of the guard, as a flat binary. */
export async function compile(architecture: Architecture): Promise<Uint8Array> {
  const { prefix, flags } = COMPILERS[architecture];
  const directory = await Deno.makeTempDir({ prefix: "guard-" });
  try {
    const linked = `${directory}/guard.elf`;
    const flat = `${directory}/guard.bin`;
    await run(`${prefix}gcc`, [...FLAGS, ...flags, "-o", linked, "guard.c"]);
    await run(`${prefix}objcopy`, ["-O", "binary", linked, flat]);
    return await Deno.readFile(flat);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function run(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, cwd: GUARD }).output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
}

async function render(architecture: Architecture): Promise<string> {
  const code = await compile(architecture);
  const lines = code.toHex().match(/.{1,96}/g)!.map((line) => `    "${line}",`);
  const version = await compilerVersion(architecture);
  return `  ${architecture}: {\n    // ${code.byteLength} bytes, gcc ${version}\n` +
    `    compilerVersion: "${version}",\n    lines: [\n${lines.join("\n")}\n    ],\n  },\n`;
}

if (import.meta.main) {
  const text = `/**
 * The machine code of the fault guard's signal handler, in hexadecimal: written by
 * \`deno task build-guard\` from guard.c. Do not edit.
 */

/** What guard.c compiles to, and the version of the compiler that did it. */
interface GuardCode {
  readonly compilerVersion: string;
  readonly lines: readonly string[];
}

export const GUARD_CODE: Readonly<Record<"x86_64" | "aarch64", GuardCode>> = {
${await render("x86_64")}${await render("aarch64")}};
`;
  await Deno.writeTextFile(CODE, text);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", CODE.pathname] }).output();
}
