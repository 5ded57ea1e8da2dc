/** Tests that cannot run on a machine, and why. */

/** Tests that are skipped for the same reason. */
export interface Skip {
  readonly reason: string;
  /** Prefixes of their names. */
  readonly tests?: readonly string[];
  /** Prefixes of the paths of files all of whose tests are meant, but for those that others name. */
  readonly files?: readonly string[];
  /** Names of tests in these files that run. */
  readonly except?: readonly string[];
  /** They are run after all, and each has to end with a NotSupported that has this in its message. */
  readonly refused?: string;
}

/** What a test's name or its file's path has it skipped for; undefined if it runs. */
export function skipOf(skips: readonly Skip[], test: string, path: string): Skip | undefined {
  return skips.find(({ tests }) => tests?.some((name) => test.startsWith(name))) ??
    skips.find(({ files, except }) =>
      files?.some((file) => path.startsWith(file)) && except?.includes(test) !== true
    );
}

/** Has `Deno.test` mark these tests as ignored, or expect that they are refused. */
export function skipTests(skips: readonly Skip[]): void {
  const root = new URL("../", import.meta.url).href;
  const path = Deno.mainModule.startsWith(root) ? Deno.mainModule.slice(root.length) : "";
  const value = new Proxy(Deno.test, {
    apply(test, self, args: unknown[]): void {
      const definition = definitionOf(args);
      const skip = skipOf(skips, definition.name, path);
      if (skip === undefined) Reflect.apply(test, self, args);
      else if (skip.refused === undefined) test.ignore(definition.name, () => {});
      else test({ ...definition, ignore: false, fn: refusing(definition, skip.refused) });
    },
  });
  Object.defineProperty(Deno, "test", { value });
}

/** What `Deno.test` is given in one of its ways: a name, options and a function, or some of them. */
function definitionOf(args: readonly unknown[]): Deno.TestDefinition {
  const options = args.find((arg) => typeof arg === "object") as Deno.TestDefinition | undefined;
  const fn = args.find((arg) => typeof arg === "function") ?? options?.fn;
  const name = args.find((arg) => typeof arg === "string") ?? options?.name;
  return { ...options, fn: fn as Deno.TestDefinition["fn"], name: name as string };
}

/** How a child or a Worker says that it ends so, and how the command line does, which names no classes. */
const QUOTED =
  /Uncaught (?:\(in promise\) )?NotSupported: |(?:^| ended with \d+: |stderr: "|actual: ")mmap: /;

/** Whether an error, or what caused it, is a refusal. */
function isRefusal(error: unknown, message: string): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof Deno.errors.NotSupported && error.message.includes(message)) return true;
  return isRefusal(error.cause, message);
}

/** Whether an error quotes a child that was refused. */
function quotesRefusal(error: unknown, message: string): boolean {
  return String(error).split("\n").some((line) => QUOTED.test(line) && line.includes(message));
}

/**
 * A test's body that must be refused: by the error that it ends with, by that error's cause where
 * another one was expected, or as its child says that ends so.
 */
function refusing({ fn }: Deno.TestDefinition, message: string): Deno.TestDefinition["fn"] {
  return async (context) => {
    try {
      await fn(context);
    } catch (error) {
      if (isRefusal(error, message) || quotesRefusal(error, message)) return;
      throw error;
    }
    throw new Error(`Expected NotSupported: ${message}`);
  };
}
