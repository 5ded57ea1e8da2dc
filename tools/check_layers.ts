/**
 * Checks the direction of imports, as docs/architecture.md draws it: `deno run --allow-read=.
 * tools/check_layers.ts`. Prints each import that runs the wrong way, and fails if there is one.
 */

import { report, typeScriptFiles } from "./_files.ts";
import { importsOf, resolveImport, withoutComments } from "./_imports.ts";

/** The package by its name, which is how its users see it. */
const PACKAGE = "the package";

/** From the top down: a file may import from its own layer and from those that follow. */
const LAYERS = [
  "tests",
  "tools",
  "examples",
  "bench",
  PACKAGE,
  "mod.ts",
  "src/cli",
  "src/collections",
  "src/channel",
  "src/sync",
  "src/wait",
  "src/region",
  "src/object",
  "src/mapping",
  "src/os",
  "ffi",
  "src/struct",
  "src/check",
];

/** Neighbours that must not import each other, whatever their order. */
const STRANGERS = [
  ["src/object", "src/mapping"],
  ["src/collections", "src/channel"],
  ["ffi", "src/struct"],
  ["ffi", "src/cli"],
  ["examples", "bench"],
];

/** The modules built into Deno that may be imported, and by which files. */
const BUILT_IN: Readonly<Record<string, string>> = {
  "node:net": "src/os",
  "node:util": "src/cli",
  "node:v8": "src/channel",
  "node:worker_threads": "src/mapping",
};

/** What only some of the published files may use. */
const RESERVED = [
  { name: "Deno.dlopen", pattern: /\bdlopen\b/, home: "ffi/" },
  { name: "Deno.UnsafePointerView", pattern: /\bUnsafePointerView\b/, home: "ffi/" },
  { name: "getArrayBuffer", pattern: /\bgetArrayBuffer\b/, home: "ffi/memory.ts" },
];

/** The folders that may know the operating system, and call its library. */
const SYSTEM_ROOMS = ["src/os/", "ffi/"];

/**
 * The parts of `ffi` that all may use: buffers over pointers, and memory that looks the same on
 * each system.
 */
const FOR_ALL = ["ffi/memory.ts", "ffi/guard/", "ffi/store/"];

/** Words that show that a file knows one system from another. */
const SYSTEM_WORDS = [
  { name: "Deno.build", pattern: /\bDeno\s*\.\s*build\b/ },
  { name: "platform()", pattern: /\bplatform\(/ },
  { name: "/proc", pattern: /\/proc\b/ },
  { name: "/dev/shm", pattern: /\/dev\/shm\b/ },
  { name: "memfd", pattern: /memfd/i },
  { name: "constants of the system's headers", pattern: /\b(?:O|MAP|MADV|PROT|MS|F)_[A-Z]/ },
  {
    name: "error numbers",
    pattern:
      /\bE(?:PERM|NOENT|SRCH|INTR|BADF|AGAIN|NOMEM|ACCES|FAULT|EXIST|INVAL|FBIG|NOSPC|NOSYS)\s*=/,
  },
];

/** A module that is a text for other programs: what that says is not this project's doing. */
const TEXT = "src/cli/python_text.ts";

/** The imports between the project's own files. */
type Graph = Map<string, string[]>;

/** The problems of the project at `root`, one line each. */
export function checkLayers(root: string): string[] {
  const name: string = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`)).name;
  const graph: Graph = new Map();
  const problems: string[] = [];
  for (const file of typeScriptFiles(root)) {
    const source = Deno.readTextFileSync(`${root}/${file}`);
    const imports = importsOf(source);
    graph.set(
      file,
      imports.filter(isRelative).map((specifier) => resolveImport(file, specifier)),
    );
    problems.push(...wrongArrows(file, imports, name), ...wrongUses(file, source));
  }
  return [...problems, ...cycles(graph)];
}

function isRelative(specifier: string): boolean {
  return /^\.\.?\//.test(specifier);
}

function wrongArrows(file: string, imports: readonly string[], name: string): string[] {
  const from = layerOf(file);
  if (from === undefined) return [`${file}: belongs to no layer of docs/architecture.md`];
  return imports.flatMap((specifier) => {
    const to = layerOfImport(file, specifier, name);
    if (to === undefined) {
      const allowed = !isShipped(file) || BUILT_IN[specifier] === from;
      return allowed ? [] : [`${file} -> ${specifier}: the module has no dependencies`];
    }
    if (!mayImport(from, to)) return [`${file} -> ${specifier}: ${from} may not import ${to}`];
    if (to !== "ffi" || mayCallSystem(file, resolveImport(file, specifier))) return [];
    return [`${file} -> ${specifier}: only src/os may import that of ffi`];
  });
}

/** Undefined for imports from outside the project. */
function layerOfImport(file: string, specifier: string, name: string): string | undefined {
  if (specifier === name || specifier.startsWith(`${name}/`)) return PACKAGE;
  if (!isRelative(specifier)) return undefined;
  const path = resolveImport(file, specifier);
  return layerOf(path) ?? path;
}

function layerOf(path: string): string | undefined {
  return LAYERS.find((layer) => path === layer || path.startsWith(`${layer}/`));
}

function mayImport(from: string, to: string): boolean {
  if (!LAYERS.includes(to)) return false;
  if (STRANGERS.some((pair) => from !== to && pair.includes(from) && pair.includes(to))) {
    return false;
  }
  return LAYERS.indexOf(from) <= LAYERS.indexOf(to);
}

function mayCallSystem(file: string, target: string): boolean {
  return !file.startsWith("src/") || knowsSystem(file) ||
    FOR_ALL.some((path) => target.startsWith(path));
}

function knowsSystem(file: string): boolean {
  return SYSTEM_ROOMS.some((room) => file.startsWith(room));
}

/** Whether users of the package load the file. */
function isShipped(file: string): boolean {
  return file === "mod.ts" || file.startsWith("src/") || file.startsWith("ffi/");
}

function wrongUses(file: string, source: string): string[] {
  if (!isShipped(file) || file === TEXT) return [];
  const code = withoutComments(source);
  const reserved = RESERVED
    .filter(({ pattern, home }) => !file.startsWith(home) && pattern.test(code))
    .map(({ name, home }) => `${file}: only ${home} may use ${name}`);
  const words = knowsSystem(file) ? [] : SYSTEM_WORDS
    .filter(({ pattern }) => pattern.test(code))
    .map(({ name }) => `${file}: only src/os and ffi may know of ${name}`);
  return [...reserved, ...words];
}

/** Each cycle of files that import each other, once. */
function cycles(graph: Graph): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start !== -1) {
      found.push(`${[...path.slice(start), file].join(" -> ")}: an import cycle`);
    } else if (!done.has(file)) {
      path.push(file);
      graph.get(file)?.forEach(visit);
      path.pop();
      done.add(file);
    }
  };
  for (const file of graph.keys()) visit(file);
  return found;
}

if (import.meta.main) report("Import directions", checkLayers("."));
