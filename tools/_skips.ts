/** Tests that cannot run on a machine, and why. */

/** Tests that are skipped for the same reason. */
export interface Skip {
  readonly reason: string;
  /** Prefixes of their names. */
  readonly tests?: readonly string[];
  /** Prefixes of the paths of test files that are skipped as a whole. */
  readonly files?: readonly string[];
}

/** Why a test does not run; undefined if it does. */
export function reasonToSkip(skips: readonly Skip[], test: string): string | undefined {
  return skips.find(({ tests }) => tests?.some((name) => test.startsWith(name)))?.reason;
}

/** Why a test file does not run; undefined if it does. */
export function reasonToSkipFile(skips: readonly Skip[], path: string): string | undefined {
  return skips.find(({ files }) => files?.some((name) => path.startsWith(name)))?.reason;
}

/** Has `Deno.test` mark these tests as ignored. */
export function skipTests(skips: readonly Skip[]): void {
  const value = new Proxy(Deno.test, {
    apply(test, self, args: [string | { name: string }, ...unknown[]]): void {
      const name = typeof args[0] === "string" ? args[0] : args[0].name;
      if (reasonToSkip(skips, name) === undefined) Reflect.apply(test, self, args);
      else test.ignore(name, () => {});
    },
  });
  Object.defineProperty(Deno, "test", { value });
}
