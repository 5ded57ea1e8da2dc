/** A JSR registry on this machine that holds this package alone, as `deno publish` would send it. */

import { assert } from "@std/assert";
import { PACKAGE, ROOT } from "../_package.ts";

/** A registry that answers until it is disposed of. */
export interface Registry extends AsyncDisposable {
  /** What JSR_URL has to be. */
  readonly url: string;
  /** The paths that were asked for and are not there. */
  readonly missing: readonly string[];
}

/** Serves the package on a port of its own. */
export async function serveRegistry(): Promise<Registry> {
  const files = await packedFiles();
  const documents = new Map<string, Uint8Array<ArrayBuffer>>();
  const folder = `/${PACKAGE.name}`;
  documents.set(`${folder}/meta.json`, json(packageMeta()));
  documents.set(`${folder}/${PACKAGE.version}_meta.json`, json(await versionMeta(files)));
  for (const [path, bytes] of files) {
    documents.set(`${folder}/${PACKAGE.version}${path}`, bytes);
  }

  const missing: string[] = [];
  const server = Deno.serve({ hostname: "localhost", port: 0, onListen(): void {} }, (request) => {
    const { pathname } = new URL(request.url);
    const document = documents.get(pathname);
    if (document !== undefined) return new Response(document);
    missing.push(pathname);
    return new Response("Not found", { status: 404 });
  });
  return {
    url: `http://localhost:${server.addr.port}/`,
    missing,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Files by their paths in the package, such as "/mod.ts". */
type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

let packed: Promise<Files> | undefined;

/** The files that `deno publish` would send; found out once. */
export function packedFiles(): Promise<Files> {
  packed ??= pack();
  return packed;
}

/** Imports are sent as they stand, since all of them are relative. */
async function pack(): Promise<Files> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assert(success, text);
  const root = ROOT.href;
  const urls = [...text.matchAll(/^ +(file:.*) \([0-9.]+[KM]?B\)$/gm)].map((match) => match[1]!);
  assert(urls.length > 0, `No files are listed:\n${text}`);
  return new Map(
    urls.map((url) => [`/${url.slice(root.length)}`, Deno.readFileSync(new URL(url))]),
  );
}

function packageMeta(): unknown {
  const [scope, name] = PACKAGE.name.slice(1).split("/");
  return { scope, name, latest: PACKAGE.version, versions: { [PACKAGE.version]: {} } };
}

/** Without the module graph that the real registry adds, which only saves the client round trips. */
async function versionMeta(files: Files): Promise<unknown> {
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, bytes] of files) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    manifest[path] = { size: bytes.byteLength, checksum: `sha256-${digest.toHex()}` };
  }
  return { exports: PACKAGE.exports, manifest };
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}
