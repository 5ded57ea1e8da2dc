/** The tests that cannot run in the emulator, and why. What is wrong with the module stays a failure. */

/** Tests with one reason. */
export interface Skip {
  readonly reason: string;
  /** How their names begin. */
  readonly tests?: readonly string[];
  /** How the paths of test files begin of which none runs. */
  readonly files?: readonly string[];
}

export const SKIPS: readonly Skip[] = [
  {
    reason: "about the project, not the machine",
    files: ["tests/consumer/", "tests/readme_test.ts", "tests/tools/"],
  },
  {
    reason: "Deno.execPath() is a script there, which can be opened for writing",
    tests: ["open() throws TypeError EINVAL, ENXIO and ETXTBSY"],
  },
  {
    reason: "gcc compiles for the other machine",
    tests: ["constants_linux has the values of this machine's headers"],
  },
  {
    reason: "qemu-user 7.2 swallows the errors of madvise",
    tests: ["madvise() throws TypeError EINVAL, ENOMEM and EFAULT"],
  },
];

/** Why a test does not run; undefined if it does. */
export function reasonToSkip(test: string): string | undefined {
  return SKIPS.find(({ tests }) => tests?.some((name) => test.startsWith(name)))?.reason;
}

/** Why a test file does not run; undefined if it does. */
export function reasonToSkipFile(path: string): string | undefined {
  return SKIPS.find(({ files }) => files?.some((name) => path.startsWith(name)))?.reason;
}
