/** The functions for named pipes, loaded by those few programs that pass something through one. */

import { openLibrary } from "./library.ts";

/** All calls that begin with "Nt" return an NTSTATUS. */
const NTDLL = {
  NtOpenProcessToken: { parameters: ["isize", "u32", "buffer"], result: "i32" }, // HANDLE, access, HANDLE *
  NtQueryInformationToken: {
    parameters: ["usize", "u32", "buffer", "u32", "buffer"], // HANDLE, class, LPVOID, ULONG size, ULONG *
    result: "i32",
  },
} as const;

const KERNEL32 = {
  ConnectNamedPipe: { parameters: ["usize", "pointer"], result: "i32" }, // HANDLE, OVERLAPPED *; BOOL
  CreateNamedPipeW: {
    // LPCWSTR, DWORD open, DWORD mode, DWORD instances, DWORD out, DWORD in, DWORD ms, SECURITY_ATTRIBUTES *
    parameters: ["buffer", "u32", "u32", "u32", "u32", "u32", "u32", "buffer"],
    result: "i32", // HANDLE; -1
  },
  DisconnectNamedPipe: { parameters: ["usize"], result: "i32" }, // BOOL
  GetNamedPipeClientProcessId: { parameters: ["usize", "buffer"], result: "i32" }, // BOOL
  ResetEvent: { parameters: ["usize"], result: "i32" }, // BOOL
  SetNamedPipeHandleState: {
    parameters: ["usize", "buffer", "pointer", "pointer"], // HANDLE, DWORD *mode, DWORD *, DWORD *
    result: "i32", // BOOL
  },
  WriteFile: {
    parameters: ["usize", "buffer", "u32", "buffer", "pointer"], // HANDLE, LPVOID, DWORD, DWORD *, OVERLAPPED *
    result: "i32", // BOOL
  },
} as const;

type Pipes = Deno.StaticForeignLibraryInterface<typeof KERNEL32 & typeof NTDLL>;

let loaded: Pipes | undefined;

/** @throws {Deno.errors.NotCapable} If the program runs without `--allow-ffi`. */
export function pipes(): Pipes {
  return loaded ??= {
    ...openLibrary("kernel32.dll", KERNEL32),
    ...openLibrary("ntdll.dll", NTDLL),
  };
}
