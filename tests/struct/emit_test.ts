/** Declarations in C, Python and Rust, as their own compilers see them. */

import {
  array,
  bigEndian,
  chars,
  cHeader,
  f64,
  type FieldType,
  i32,
  packed,
  pythonCtypes,
  rustStruct,
  struct,
  u16,
  u8,
  union,
} from "@mmap/mmap/struct";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { withTempDir } from "../_files.ts";
import { compileC, hasProgram, needsC } from "../_gcc.ts";
import { type AnyStruct, makeStruct, Random } from "./_generated.ts";

const Place = struct({ x: f64, label: chars(3) });
const Message = struct({
  kind: u8,
  port: bigEndian(u16),
  places: array(array(Place, 2), 3),
  home: Place,
  payload: union({ word: i32, bytes: array(u8, 6) }),
  tail: packed({ flag: u8, count: bigEndian(i32), place: Place }),
});

const EMITTERS = [cHeader, pythonCtypes, rustStruct];

function generated(): AnyStruct[] {
  const random = new Random(7);
  return [Message, ...Array.from({ length: 40 }, () => makeStruct(random))];
}

Deno.test("cHeader() declares nested structs before those that need them, each once", () => {
  const header = cHeader(Message, "Message");
  const tags = [...header.matchAll(/^(?:struct|union) (\w+) \{$/gm)].map((match) => match[1]);
  assertEquals(tags, ["Message_places", "Message_payload", "Message_tail", "Message"]);
  assertStringIncludes(header, "  struct Message_places places[3][2];\n");
  assertStringIncludes(header, "  uint16_t port; /* big-endian */\n");
});

Deno.test("Declarations throw TypeError for keywords, names that are none, and other types", () => {
  for (const emit of EMITTERS) {
    assertThrows(() => emit(struct({ for: i32 }), "A"), TypeError, `"for" is a keyword`);
    assertThrows(() => emit(Place, "while"), TypeError, `"while" is a keyword`);
    assertThrows(() => emit(Place, "a b"), TypeError, "must be an identifier");
    assertThrows(() => emit(i32 as FieldType, "A"), TypeError, "one of this module's structs");
  }
});

for (const [compiler, language] of [["gcc", "c"], ["g++", "c++"]] as const) {
  Deno.test({
    name: `cHeader() gives headers that ${compiler} compiles, and whose checks hold`,
    ignore: compiler === "gcc" ? needsC.ignore : !hasProgram(compiler),
    fn: async () => {
      const source = generated().map((type, i) => cHeader(type, `S${i}`)).join("\n");
      await compileC(source, {
        compiler,
        args: ["-x", language, "-Wall", "-Werror", "-fsyntax-only"],
      });
    },
  });
}

Deno.test({
  name: "pythonCtypes() gives classes with the same sizes and offsets",
  ignore: !hasProgram("python3"),
  fn: async () => {
    const types = generated();
    const modules = types.map((type, i) => pythonCtypes(type, `S${i}`)).join("\n");
    const numbers = types.map((type, i) =>
      `print(ctypes.sizeof(S${i}), ${
        Object.keys(type.offsets).map((name) => `S${i}.${name}.offset`).join(", ")
      })`
    );
    const { success, stdout, stderr } = await new Deno.Command("python3", {
      args: ["-W", "error", "-c", `${modules}\n${numbers.join("\n")}`],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const ours = types.map((type) => [type.byteLength, ...Object.values(type.offsets)].join(" "));
    assertEquals(new TextDecoder().decode(stdout).trimEnd().split("\n"), ours);
  },
});

Deno.test({
  name: "rustStruct() gives source that rustc compiles, and whose checks hold",
  ignore: !hasProgram("rustc"),
  fn: async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "structs.rs");
      const source = generated().map((type, i) => rustStruct(type, `S${i}`)).join("\n");
      await Deno.writeTextFile(path, source);
      const { success, stderr } = await new Deno.Command("rustc", {
        args: ["--crate-type=lib", "--emit=metadata", "-Anon_camel_case_types", path],
        cwd: dir,
      }).output();
      assert(success, new TextDecoder().decode(stderr));
    });
  },
});
