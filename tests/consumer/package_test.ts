/** What is sent to JSR, and what it counts beyond what `deno doc --lint` and `deno publish` check. */

import { assertEquals, assertMatch } from "@std/assert";
import { PACKAGE, ROOT } from "../_package.ts";
import { packedFiles } from "./_registry.ts";

/** The comment that a module begins with; empty if there is none. */
function moduleComment(path: string): string {
  const source = Deno.readTextFileSync(new URL(path, ROOT));
  return /^\/\*\*.*?\*\//s.exec(source)?.[0] ?? "";
}

Deno.test("deno publish sends the modules, their documents, the headers and nothing else", async () => {
  const paths = [...(await packedFiles()).keys()];
  const headers = ["channel", "handle", "linux", "sync", "windows"].map((name) => `mmap_${name}.h`);
  assertEquals(paths.filter((path) => !path.endsWith(".ts")), [
    ...["/CHANGELOG.md", "/LICENSE", "/README.md", "/deno.json"],
    ...["README.md", ...headers].map((name) => `/languages/c/${name}`),
    ...["README.md", "mmap_peer.py"].map((name) => `/languages/python/${name}`),
  ]);
  const modules = paths.filter((path) => path.endsWith(".ts"));
  assertEquals(modules.filter((path) => !/^\/(mod\.ts$|ffi\/|src\/)/.test(path)), []);
  const entryPoints = Object.values(PACKAGE.exports).map((path) => path.slice(1));
  assertEquals(entryPoints.filter((path) => !modules.includes(path)), []);
});

Deno.test("every entry point begins with a description of the module that has an example", () => {
  const incomplete = Object.values(PACKAGE.exports).filter((path) => {
    const comment = moduleComment(path);
    return !/^ \* @module$/m.test(comment) || !/^ \* ```(ts|sh)$/m.test(comment);
  });
  assertEquals(incomplete, []);
});

Deno.test("deno.json has a name, a version and a license that JSR takes", () => {
  assertMatch(PACKAGE.name, /^@[a-z0-9-]{2,32}\/[a-z0-9-]{2,20}$/);
  assertMatch(PACKAGE.version, /^\d+\.\d+\.\d+(-[0-9a-z.-]+)?$/);
  const license = Deno.readTextFileSync(new URL("LICENSE", ROOT));
  assertEquals(license.split(" ")[0], PACKAGE.license);
});
