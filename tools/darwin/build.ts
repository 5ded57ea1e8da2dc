/** Builds the Darwin twin, and a Deno that believes in it. */

/** Where things are, and which machine to be. */
export interface Belief {
  /** The path of the compiled twin. */
  readonly library: string;
  /** The path of a program that starts Deno with this belief. */
  readonly deno: string;
  /** The URL of the module that has this belief taken up. */
  readonly module: string;
  readonly arch: "x86_64" | "aarch64";
}

/** Which Mac to be. */
export interface TwinOptions {
  /** Before macOS 14.4, which had no `os_sync_*`.  @default {false} */
  readonly old?: boolean;
  /** @default {"x86_64"} */
  readonly arch?: Belief["arch"];
  /** The page size, if it is not the machine's. */
  readonly page?: number | undefined;
  /** @default {"gcc"} */
  readonly compiler?: string;
  /** The real Deno.  @default {Deno.execPath()} */
  readonly deno?: string;
}

/** One that is built. */
export interface Twin extends AsyncDisposable {
  /** The path of the library. */
  readonly library: string;
  /** The path of a program that takes the arguments of `deno`, and believes. */
  readonly deno: string;
  /** The names of the shared memory objects there are; macOS itself has no such list. */
  objects(): string[];
}

const TWIN = new URL("../../tests/twin/", import.meta.url);

/** Builds a twin with a kernel of its own: nothing is shared with another one. */
export async function buildTwin(options: TwinOptions = {}): Promise<Twin> {
  const { arch = "x86_64", deno = Deno.execPath() } = options;
  await using building = new AsyncDisposableStack();
  const [folder, kernel] = [
    await Deno.makeTempDir({ prefix: "mmap_twin_" }),
    await Deno.makeTempDir({ prefix: ".mmap-twin-", dir: "/dev/shm" }),
  ];
  for (const path of [folder, kernel]) {
    building.defer(() => Deno.remove(path, { recursive: true }));
    await Deno.chmod(path, 0o755);
  }
  for (const path of [`${kernel}/shm`, `${kernel}/folders`]) {
    await Deno.mkdir(path);
    await Deno.chmod(path, 0o777);
  }
  const library = `${folder}/libSystem.so`;
  await compile(library, kernel, { ...options, arch });
  const module = `${folder}/believe.ts`;
  const program = `${folder}/deno`;
  const belief: Belief = { library, deno: program, module: new URL(module, "file:///").href, arch };
  await Deno.writeTextFile(module, moduleText(belief));
  await Deno.writeTextFile(program, programText(deno, module), { mode: 0o755 });
  const built = building.move();
  return {
    library,
    deno: program,
    objects: () => Array.from(Deno.readDirSync(`${kernel}/shm`), ({ name }) => name),
    [Symbol.asyncDispose]: () => built.disposeAsync(),
  };
}

async function compile(
  library: string,
  kernel: string,
  { compiler = "gcc", old = false, arch, page }: TwinOptions,
): Promise<void> {
  const defined = [`TWIN_FOLDER="${kernel}"`];
  if (old) defined.push("TWIN_OLD");
  if (arch === "aarch64") defined.push("TWIN_ARM64");
  if (page !== undefined) defined.push(`TWIN_PAGE=${page}`);
  const sources = Array.from(Deno.readDirSync(TWIN), ({ name }) => name)
    .filter((name) => /^[^_].*\.c$/.test(name)).map((name) => TWIN.pathname + name);
  const { success, stderr } = await new Deno.Command(compiler, {
    // The twin's own names must not be taken for those of the program that loads it.
    args: ["-O1", "-shared", "-fPIC", "-Wl,-Bsymbolic,-z,nodelete", "-Wall", "-Wextra", "-Werror"]
      .concat(defined.map((text) => `-D${text}`), ["-o", library], sources),
    stdin: "null",
  }).output();
  if (!success) throw new Error(`The twin does not compile: ${new TextDecoder().decode(stderr)}`);
}

function moduleText(belief: Belief): string {
  const preload = new URL("preload.ts", TWIN).href;
  return `import { believe } from ${JSON.stringify(preload)};\nbelieve(${
    JSON.stringify(belief)
  });\n`;
}

function programText(deno: string, module: string): string {
  return `#!/bin/sh
case "$1" in
run | test | eval)
  command=$1
  shift
  exec "${deno}" "$command" --preload="${module}" "$@"
  ;;
esac
exec "${deno}" "$@"
`;
}
