/**
 * Variadic C functions (`open`, `openat`, `fcntl`, `shm_open`, `syscall`, `prctl`) on Apple arm64.
 *
 * There the variadic arguments go to the stack, eight bytes each, while a Deno FFI signature
 * fills the registers x0 to x7 first. So the signature is padded: the fixed parameters, then
 * dummies up to eight register slots, then the variadic ones, which land at [sp], [sp+8], ...
 * Everywhere else a variadic integer argument travels like a fixed one and nothing is done.
 */

const REGISTER_ARGUMENTS = 8;

/** How many parameters of each variadic function are fixed ones. */
export const VARIADIC_FIXED_COUNTS: Readonly<Record<string, number>> = {
  open: 2, // int open(const char *path, int flags, ...)
  openat: 3, // int openat(int dirfd, const char *path, int flags, ...)
  shm_open: 2, // int shm_open(const char *name, int flags, ...)
  fcntl: 2, // int fcntl(int fd, int command, ...)
  fcntlLock: 2, // the same
  fcntlBuffer: 2,
  fcntlOffThread: 2,
};

/** The signature with its variadic parameters moved to the stack, each eight bytes wide. */
export function padSignature(
  signature: Deno.ForeignFunction,
  fixedCount: number,
): Deno.ForeignFunction {
  const fixed = signature.parameters.slice(0, fixedCount);
  const dummies = Array<"i64">(REGISTER_ARGUMENTS - fixedCount).fill("i64");
  const variadic = signature.parameters.slice(fixedCount).map(eightBytesWide);
  return { ...signature, parameters: [...fixed, ...dummies, ...variadic] };
}

function eightBytesWide(type: Deno.NativeType): Deno.NativeType {
  return type === "pointer" || type === "buffer" ? type : "i64";
}

/** Calls a padded symbol with the arguments of the plain signature. */
export function padCall<A extends unknown[], R>(
  symbol: (...args: unknown[]) => R,
  fixedCount: number,
): (...args: A) => R {
  const dummies = Array<bigint>(REGISTER_ARGUMENTS - fixedCount).fill(0n);
  return (...args: A): R => {
    const variadic = args.slice(fixedCount).map((a) => typeof a === "number" ? BigInt(a) : a);
    return symbol(...args.slice(0, fixedCount), ...dummies, ...variadic);
  };
}
