/** The constants as they are when the module runs on Linux on arm64. */

const build = { ...Deno.build, arch: "aarch64" };
Object.defineProperty(globalThis, "Deno", { value: { ...Deno, build } });
console.log(JSON.stringify({ ...await import("../../ffi/constants_linux.ts") }));
