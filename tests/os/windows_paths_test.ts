/** What Windows takes a path for, where the paths that permissions deny are compared. */

import { assertEquals, assertThrows } from "@std/assert";
import { lastError } from "../../ffi/windows/library.ts";
import { system } from "../../src/os/mod.ts";
import { withTempDir } from "../_files.ts";
import { onWindows, withWindows } from "../_windows_library.ts";

onWindows(
  "a file whose path the system does not tell is refused where paths are asked for",
  () =>
    withTempDir(async (dir) => {
      const { objects } = system();
      const object = objects.create(`${dir}/file`, {
        writable: true,
        mode: 0o600,
        allow: undefined,
      });
      const silent = { GetFinalPathNameByHandleW: () => (lastError[0] = 1, 0) };
      await withWindows(silent, () => {
        assertEquals(objects.pathOf(object), "");
        assertThrows(() => objects.pathsOf(object), Error, "GetFinalPathNameByHandleW");
        assertThrows(() => objects.pathOfEntry(`${dir}/other`), Error, "GetFinalPathNameByHandleW");
      });
      assertEquals(objects.pathsOf(object), [objects.pathOf(object)]);
      objects.close(object);
    }),
);

onWindows(
  "a name that ends with dots or spaces is that of the file that it leads to",
  () =>
    withTempDir((dir) => {
      const { objects } = system();
      const entry = objects.pathOfEntry(`${dir}\\new`);
      for (const end of [".", "..", " ", ". ."]) {
        assertEquals(objects.pathOfEntry(`${dir}/new${end}`), entry, end);
      }
    }),
);
