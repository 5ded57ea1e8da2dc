/** Facts about the machine that need no call of libc. */

/** The operating systems whose libc this module can call. */
export type SupportedOs = "linux" | "darwin";

/** The facts about one kind of machine; see {@linkcode platform}. */
interface Platform {
  readonly os: SupportedOs;
  readonly arch: "x86_64" | "aarch64";
  /** The name of libc, which the system's loader finds. */
  readonly libcName: string;
  /** Where it usually is, where a name will not do. */
  readonly libcPaths: readonly string[];
  /** The C function that returns the address of this thread's errno. */
  readonly errnoLocation: "__errno_location" | "__error";
  /**
   * Apple's arm64 convention passes the variadic arguments of a C function on the stack, where
   * every other supported platform passes them like fixed ones. See `variadic.ts`.
   */
  readonly variadicOnStack: boolean;
}

const LIBC_NAMES: Record<SupportedOs, string> = {
  // Never a musl libc: official Deno is a glibc program, and a second libc in one process
  // writes its errno over glibc's thread data.
  linux: "libc.so.6",
  // This cannot meet another file: dyld knows it without looking at the disk.
  darwin: "/usr/lib/libSystem.B.dylib",
};

/** Debian's folder comes first, and then those of Fedora, SUSE and Arch. */
const LIBC_FOLDERS: Record<SupportedOs, (arch: Platform["arch"]) => readonly string[]> = {
  linux: (arch) => [`/lib/${arch}-linux-gnu`, "/lib64", "/usr/lib64", "/usr/lib"],
  darwin: () => [],
};

const ERRNO_LOCATION: Record<SupportedOs, Platform["errnoLocation"]> = {
  linux: "__errno_location",
  darwin: "__error",
};

function isSupported(os: string): os is SupportedOs {
  return os === "linux" || os === "darwin";
}

/**
 * What this runtime was built for. Node and Bun can import the module, and learn at the first call that it
 * needs Deno.
 */
export const BUILD: { readonly os: string; readonly arch: Platform["arch"] } = "Deno" in globalThis
  ? Deno.build
  : { os: "no Deno", arch: "x86_64" };

/**
 * One of the facts that differ between systems; Linux's where this system is not supported, since
 * importing must not fail there.
 */
export function factOf<T>(facts: Record<SupportedOs, T>): T {
  return facts[isSupported(BUILD.os) ? BUILD.os : "linux"];
}

let known: Platform | undefined;

/**
 * The facts about this machine, determined once at the first call.
 *
 * @throws {Deno.errors.NotSupported} If the operating system is neither Linux nor macOS: others have no
 * such libc.
 * @throws {Error} If this is not Deno.
 */
export function platform(): Platform {
  return known ??= describe(BUILD.os, BUILD.arch);
}

/** The pure part of {@linkcode platform}, which tests use for other machines. */
export function describe(os: string, arch: Platform["arch"]): Platform {
  if (!("Deno" in globalThis)) {
    throw new Error("Cannot use @mmap/mmap: it needs Deno 2, whose FFI it calls, and this is none");
  }
  if (!isSupported(os)) {
    throw new Deno.errors.NotSupported(
      os === "windows"
        ? "Cannot call libc on Windows, which has none: use MmapRegion, which needs none"
        : `Cannot map memory on "${os}": @mmap/mmap supports Linux, macOS and Windows`,
    );
  }
  return Object.freeze({
    os,
    arch,
    libcName: LIBC_NAMES[os],
    libcPaths: LIBC_FOLDERS[os](arch).map((folder) => `${folder}/${LIBC_NAMES[os]}`),
    errnoLocation: ERRNO_LOCATION[os],
    variadicOnStack: os === "darwin" && arch === "aarch64",
  });
}
