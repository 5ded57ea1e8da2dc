/** Stops and continues processes on Windows, which has no signals for it. */

const PROCESS_SUSPEND_RESUME = 0x800;

/** Stops all threads of a process, or lets them go on. */
export function suspend(pid: number, how: "NtSuspendProcess" | "NtResumeProcess"): void {
  const call = { parameters: ["usize"], result: "i32" } as const;
  const ntdll = Deno.dlopen("ntdll.dll", { NtSuspendProcess: call, NtResumeProcess: call });
  const kernel = Deno.dlopen("kernel32.dll", {
    OpenProcess: { parameters: ["u32", "i32", "u32"], result: "usize" },
    CloseHandle: call,
  });
  const handle = kernel.symbols.OpenProcess(PROCESS_SUSPEND_RESUME, 0, pid);
  const status = ntdll.symbols[how](handle);
  kernel.symbols.CloseHandle(handle);
  for (const library of [ntdll, kernel]) library.close();
  if (status !== 0) throw new Error(`${how}(${pid}) failed: ${status >>> 0}`);
}
