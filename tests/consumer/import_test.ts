import { assert } from "@std/assert";
import { createRequire } from "node:module";
import { PACKAGE } from "../_package.ts";

const require = createRequire(import.meta.url);

// A Worker loses what is posted to it while one of its modules awaits something, so none may.
for (const [entry, path] of Object.entries(PACKAGE.exports)) {
  Deno.test(`the import of "${entry}" awaits nothing`, () => {
    // This throws where a module has an await outside of its functions.
    assert(Object.keys(require(`../../${path}`)).length > 0);
  });
}
