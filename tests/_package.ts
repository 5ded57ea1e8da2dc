/** What deno.json says of the package. */
interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Files by their entry points, such as "./sync" to "./src/sync/mod.ts". */
  readonly exports: Readonly<Record<string, string>>;
}

/** The folder of the project. */
export const ROOT = new URL("../", import.meta.url);

/** The package as it is configured. */
export const PACKAGE: Package = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
