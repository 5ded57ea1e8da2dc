/**
 * The functions of Windows that this module calls. A HANDLE is a number here: only its lower 32 bits
 * are significant. -1 is this process. Results that say success are numbers too, so that nothing is
 * made between a failed call and the reading of its error.
 *
 * @see https://learn.microsoft.com/windows/win32/api/
 */

/** A table of functions, with the C type of each parameter. */
export type WindowsSymbols = typeof KERNEL32 & typeof KERNELBASE & typeof NTDLL;

export const KERNEL32 = {
  AddVectoredExceptionHandler: { parameters: ["u32", "pointer"], result: "pointer" }, // NULL
  CloseHandle: { parameters: ["usize"], result: "i32" }, // BOOL
  CreateEventW: {
    parameters: ["pointer", "i32", "i32", "buffer"], // security, BOOL manual, BOOL set, LPCWSTR
    result: "i32", // HANDLE; 0
  },
  CreateFileMappingW: {
    // HANDLE file, security, DWORD protection, DWORD sizeHigh, DWORD sizeLow, LPCWSTR name
    parameters: ["isize", "pointer", "u32", "u32", "u32", "buffer"],
    result: "i32", // HANDLE; 0
  },
  CreateFileW: {
    // LPCWSTR, DWORD access, DWORD sharing, security, DWORD disposition, DWORD flags, HANDLE
    parameters: ["buffer", "u32", "u32", "pointer", "u32", "u32", "usize"],
    result: "i32", // HANDLE; -1
  },
  CreateMutexW: { parameters: ["pointer", "i32", "buffer"], result: "i32" }, // HANDLE; 0
  DuplicateHandle: {
    // HANDLE process, HANDLE, HANDLE process, HANDLE *, DWORD access, BOOL inherit, DWORD options
    parameters: ["isize", "usize", "isize", "buffer", "u32", "i32", "u32"],
    result: "i32", // BOOL
  },
  FlushFileBuffers: { parameters: ["usize"], result: "i32" }, // BOOL
  flushFileBuffersOffThread: {
    name: "FlushFileBuffers",
    parameters: ["usize"],
    result: "i32",
    nonblocking: true, // its error is lost
  },
  FlushViewOfFile: { parameters: ["pointer", "usize"], result: "i32" }, // BOOL
  flushViewOffThread: {
    name: "FlushViewOfFile",
    parameters: ["pointer", "usize"],
    result: "i32",
    nonblocking: true, // its error is lost
  },
  FlushInstructionCache: { parameters: ["isize", "pointer", "usize"], result: "i32" }, // BOOL
  FormatMessageW: {
    // DWORD flags, LPCVOID source, DWORD id, DWORD language, LPWSTR, DWORD size, va_list *
    parameters: ["u32", "pointer", "u32", "u32", "buffer", "u32", "pointer"],
    result: "u32", // the length in characters; 0
  },
  GetCurrentThreadId: { parameters: [], result: "u32" },
  GetEnvironmentVariableW: { parameters: ["buffer", "buffer", "u32"], result: "u32" },
  GetFileInformationByHandle: { parameters: ["usize", "buffer"], result: "i32" }, // BOOL
  GetFileInformationByHandleEx: {
    parameters: ["usize", "u32", "buffer", "u32"], // HANDLE, class, LPVOID, DWORD size
    result: "i32", // BOOL
  },
  GetFileType: { parameters: ["usize"], result: "u32" },
  GetFinalPathNameByHandleW: {
    parameters: ["usize", "buffer", "u32", "u32"], // HANDLE, LPWSTR, DWORD size, DWORD flags
    result: "u32", // the length in characters; 0
  },
  GetFullPathNameW: {
    parameters: ["buffer", "u32", "buffer", "pointer"], // LPCWSTR, DWORD size, LPWSTR, LPWSTR *name
    result: "u32", // the length in characters, or the size that it needs; 0
  },
  GetModuleHandleW: { parameters: ["buffer"], result: "pointer" }, // HMODULE; NULL
  GetProcAddress: { parameters: ["pointer", "buffer"], result: "u64" }, // HMODULE, LPCSTR; NULL
  GetProcessIdOfThread: { parameters: ["isize"], result: "u32" },
  GetProcessTimes: {
    parameters: ["isize", "buffer", "buffer", "buffer", "buffer"],
    result: "i32", // BOOL
  },
  GetProcessWorkingSetSize: { parameters: ["isize", "buffer", "buffer"], result: "i32" }, // BOOL
  GetThreadTimes: {
    parameters: ["isize", "buffer", "buffer", "buffer", "buffer"],
    result: "i32", // BOOL
  },
  K32QueryWorkingSetEx: { parameters: ["isize", "buffer", "u32"], result: "i32" }, // BOOL
  LockFileEx: {
    // HANDLE, DWORD flags, DWORD 0, DWORD length, DWORD lengthHigh, OVERLAPPED *
    parameters: ["usize", "u32", "u32", "u32", "u32", "buffer"],
    result: "i32", // BOOL
  },
  MapViewOfFile: {
    parameters: ["usize", "u32", "u32", "u32", "usize"], // HANDLE, access, high, low, size
    result: "pointer", // NULL
  },
  OpenEventW: { parameters: ["u32", "i32", "buffer"], result: "i32" }, // HANDLE; 0
  OpenFileMappingW: { parameters: ["u32", "i32", "buffer"], result: "i32" }, // HANDLE; 0
  OpenMutexW: { parameters: ["u32", "i32", "buffer"], result: "i32" }, // HANDLE; 0
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "i32" }, // HANDLE; 0
  OpenThread: { parameters: ["u32", "i32", "u32"], result: "i32" }, // HANDLE; 0
  ProcessIdToSessionId: { parameters: ["u32", "buffer"], result: "i32" }, // BOOL
  ReadFile: {
    parameters: ["usize", "buffer", "u32", "buffer", "buffer"], // HANDLE, LPVOID, DWORD, DWORD *, OVERLAPPED *
    result: "i32", // BOOL
  },
  ReleaseMutex: { parameters: ["usize"], result: "i32" }, // BOOL
  SetEvent: { parameters: ["usize"], result: "i32" }, // BOOL
  SetFileInformationByHandle: {
    parameters: ["usize", "u32", "buffer", "u32"], // HANDLE, class, LPVOID, DWORD size
    result: "i32", // BOOL
  },
  SetProcessWorkingSetSize: { parameters: ["isize", "usize", "usize"], result: "i32" }, // BOOL
  UnlockFileEx: {
    parameters: ["usize", "u32", "u32", "u32", "buffer"],
    result: "i32", // BOOL
  },
  UnmapViewOfFile: { parameters: ["pointer"], result: "i32" }, // BOOL
  VirtualAlloc: { parameters: ["pointer", "usize", "u32", "u32"], result: "pointer" }, // NULL
  VirtualFree: { parameters: ["pointer", "usize", "u32"], result: "i32" }, // BOOL
  VirtualLock: { parameters: ["pointer", "usize"], result: "i32" }, // BOOL
  VirtualProtect: { parameters: ["pointer", "usize", "u32", "buffer"], result: "i32" }, // BOOL
  VirtualQuery: { parameters: ["pointer", "buffer", "usize"], result: "usize" }, // bytes; 0
  VirtualUnlock: { parameters: ["pointer", "usize"], result: "i32" }, // BOOL
  WaitForSingleObject: { parameters: ["usize", "u32"], result: "u32" },
  waitOffThread: {
    name: "WaitForSingleObject",
    parameters: ["usize", "u32"],
    result: "u32",
    nonblocking: true, // its error is lost
  },
} as const;

/** What kernel32 does not export. */
export const KERNELBASE = {
  MapViewOfFile3: {
    // HANDLE section, HANDLE process, base, ULONG64 offset, SIZE_T, ULONG type, ULONG protection, parameters, ULONG 0
    parameters: [
      ...["usize", "isize", "pointer", "u64", "usize"] as const,
      ...["u32", "u32", "pointer", "u32"] as const,
    ],
    result: "pointer", // NULL
  },
  PrefetchVirtualMemory: {
    parameters: ["isize", "usize", "buffer", "u32"], // HANDLE, count, WIN32_MEMORY_RANGE_ENTRY *, 0
    result: "i32", // BOOL
  },
  UnmapViewOfFile2: { parameters: ["isize", "pointer", "u32"], result: "i32" }, // BOOL
  VirtualAlloc2: {
    // HANDLE process, base, SIZE_T, ULONG type, ULONG protection, parameters, ULONG 0
    parameters: ["isize", "pointer", "usize", "u32", "u32", "pointer", "u32"],
    result: "pointer", // NULL
  },
} as const;

/** The functions of C are here too; all calls that begin with "Nt" return an NTSTATUS. */
export const NTDLL = {
  bsearch: {
    // const void *key, const void *base, size_t, size_t, int (*)(const void *, const void *)
    parameters: ["u64", "u64", "u64", "u64", "u64"],
    result: "u64", // NULL
  },
  memchr: { parameters: ["u64", "i32", "u64"], result: "u64" }, // void *; NULL
  memcmp: { parameters: ["u64", "u64", "u64"], result: "i32" },
  memcpy: { parameters: ["buffer", "u64", "u64"], result: "pointer" },
  NtOpenDirectoryObject: { parameters: ["buffer", "u32", "buffer"], result: "i32" },
  NtQueryDirectoryObject: {
    // HANDLE, LPVOID, ULONG size, BOOLEAN single, BOOLEAN restart, ULONG *context, ULONG *length
    parameters: ["usize", "buffer", "u32", "u8", "u8", "buffer", "pointer"],
    result: "i32",
  },
  NtQueryInformationThread: {
    parameters: ["isize", "u32", "buffer", "u32", "pointer"],
    result: "i32",
  },
  NtQuerySection: {
    parameters: ["usize", "u32", "buffer", "usize", "pointer"], // HANDLE, class, LPVOID, SIZE_T, SIZE_T *
    result: "i32",
  },
  NtQueryVolumeInformationFile: {
    // HANDLE, IO_STATUS_BLOCK *, LPVOID, ULONG size, ULONG class
    parameters: ["usize", "buffer", "buffer", "u32", "u32"],
    result: "i32",
  },
  NtReadVirtualMemory: {
    parameters: ["isize", "pointer", "pointer", "usize", "buffer"], // HANDLE, from, to, SIZE_T, SIZE_T *
    result: "i32",
  },
  NtWriteVirtualMemory: {
    parameters: ["isize", "pointer", "pointer", "usize", "buffer"], // HANDLE, to, from, SIZE_T, SIZE_T *
    result: "i32",
  },
} as const;

/** The functions that look at other processes. */
export type ObservingSymbols = typeof TO_OBSERVE_BY_KERNEL32 & typeof TO_OBSERVE_BY_NTDLL;

export const TO_OBSERVE_BY_KERNEL32 = {
  K32GetMappedFileNameW: {
    parameters: ["isize", "pointer", "buffer", "u32"], // HANDLE, LPVOID, LPWSTR, DWORD size
    result: "u32", // the length in characters; 0
  },
  VirtualQueryEx: {
    parameters: ["isize", "pointer", "buffer", "usize"], // HANDLE, LPCVOID, information, SIZE_T
    result: "usize", // bytes; 0
  },
} as const;

export const TO_OBSERVE_BY_NTDLL = {
  NtOpenProcessToken: { parameters: ["isize", "u32", "buffer"], result: "i32" },
  NtQueryInformationProcess: {
    parameters: ["isize", "u32", "buffer", "u32", "pointer"],
    result: "i32",
  },
  NtQueryInformationToken: {
    parameters: ["usize", "u32", "buffer", "u32", "buffer"], // HANDLE, class, LPVOID, size, ULONG *
    result: "i32",
  },
  NtQuerySystemInformation: { parameters: ["u32", "buffer", "u32", "buffer"], result: "i32" },
} as const;
