/** What a program sees that runs on the twin. */

import { spawnSync } from "node:child_process";
import { MmapRegion } from "@mmap/mmap";
import { act } from "../_act.ts";
import { LACKING } from "./_lacking.ts";

const SAYS = "postMessage(Deno.build.os); self.close();";
const PRINTS = ["eval", "console.log(Deno.build.os)"];

/** What a Worker says first. */
function saidBy(script: string | URL, permissions?: "none"): Promise<string> {
  const options = { type: "module", ...permissions && { deno: { permissions } } } as WorkerOptions;
  const worker = new Worker(script, options);
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}

function printed(program: string, args: string[]): string {
  return new TextDecoder().decode(new Deno.Command(program, { args }).outputSync().stdout).trim();
}

/** Those of some functions that libSystem does not have. */
function absent(names: string[]): string[] {
  const table = Object.fromEntries(
    names.map((name) => [name, { parameters: [], result: "void", optional: true } as const]),
  );
  const { symbols } = Deno.dlopen("/usr/lib/libSystem.B.dylib", table);
  return names.filter((name) => symbols[name] === null);
}

/** Whether a file is opened for writing and made, with its mode behind eight registers. */
function opensOnStack(): boolean {
  const { open } = Deno.dlopen("/usr/lib/libSystem.B.dylib", {
    open: {
      parameters: ["buffer", "i32", "i64", "i64", "i64", "i64", "i64", "i64", "u64"],
      result: "i32",
    },
  }).symbols;
  const dir = Deno.makeTempDirSync();
  const path = new TextEncoder().encode(`${dir}/made\0`);
  open(path, 0x0a01, 0n, 0n, 0n, 0n, 0n, 0n, 0o640n);
  const { mode } = Deno.statSync(`${dir}/made`);
  Deno.removeSync(dir, { recursive: true });
  return (mode! & 0o777) === 0o640;
}

await act({
  machine(): unknown {
    using region = MmapRegion.anonymous(1);
    region.bytes[0] = 3;
    return [Deno.build.os, region.bytes[0]];
  },
  children: () => [
    printed(Deno.execPath(), PRINTS),
    spawnSync(Deno.execPath(), PRINTS).stdout.toString().trim(),
    printed("sh", ["-c", `"$0" "$@"`, Deno.execPath(), ...PRINTS]),
  ],
  workers: () =>
    Promise.all([
      saidBy(new URL("_saying_worker.ts", import.meta.url)),
      saidBy(new URL("_saying_worker.ts", import.meta.url), "none"),
      saidBy(`data:text/javascript,${encodeURIComponent(SAYS)}`),
      saidBy(`data:application/typescript;base64,${btoa(`const a: 1 = 1;${SAYS}`)}`),
      saidBy(URL.createObjectURL(new Blob([SAYS], { type: "text/javascript" }))),
    ]),
  absent: () =>
    absent([
      ...LACKING,
      ...["mmap", "memmem", "getenv", "dlsym", "mach_vm_read_overwrite", "fstat$INODE64"],
    ]),
  old: () =>
    ["os_sync_wake_by_address_any", "__ulock_wait2"].map((name) => absent([name]).length === 1),
  variadic(): unknown {
    const parameters = ["buffer", "i32", "u32"] as const;
    let told = "";
    try {
      Deno.dlopen("libSystem.B.dylib", { open: { parameters, result: "i32" } });
    } catch (error) {
      told = String(error);
    }
    return [told, opensOnStack()];
  },
});
