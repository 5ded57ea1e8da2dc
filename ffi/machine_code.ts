/** Precompiled machine code as text: the fault guard's, the search's, and that of the buffers' finalizer. */

/** What a C source compiles to on each architecture, and the version of the compiler that did it. */
export type MachineCode = Readonly<
  Record<"x86_64" | "aarch64", {
    readonly compilerVersion: string;
    /** The bytes in hexadecimal. */
    readonly lines: readonly string[];
  }>
>;

const fromHex = Uint8Array.fromHex;

/** The bytes for this machine's architecture. */
export function bytesOf(code: MachineCode): Uint8Array<ArrayBuffer> {
  return fromHex(code[Deno.build.arch].lines.join(""));
}

/** Byte by byte: a program may have replaced the methods of typed arrays. */
export function copyBytes(from: Uint8Array, to: Uint8Array, byteOffset = 0): void {
  for (let i = 0; from[i] !== undefined; i++) to[byteOffset + i] = from[i]!;
}
