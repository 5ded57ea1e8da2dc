/** Tests of a system that lacks things; `_refused_preload.ts` says which ones it lacks. */

const { NotSupported } = Deno.errors;
const refuse = (): never => {
  throw new NotSupported("Cannot do it here: do that");
};

Deno.test("skipped", () => {
  throw new Error("It ran");
});

Deno.test("refused", refuse);

Deno.test("refused later", async () => {
  await Promise.resolve();
  refuse();
});

Deno.test({ name: "refused, and else ignored", ignore: true, fn: refuse });

Deno.test("refused where another error was expected", () => {
  throw new Error("Expected another one", { cause: new NotSupported("Cannot do it here") });
});

Deno.test("refused, as a child says", () => {
  throw new Error(
    "It failed:\nerror: Uncaught (in promise) NotSupported: Cannot do it here\n  at x",
  );
});

Deno.test("refused, as the command line says", () => {
  throw new Error("It failed:\nmmap: Cannot do it here\n");
});

Deno.test("refused by an error of another class", () => {
  throw new Error("NotSupported: Cannot do it here");
});

Deno.test("refused because of an error of another class", () => {
  throw new Error("Expected another one", { cause: new Error("NotSupported: Cannot do it here") });
});

Deno.test("refused in other words", () => {
  throw new NotSupported("Cannot do anything");
});

Deno.test("refused with another error", () => {
  throw new Error("Cannot do it here: do that");
});

Deno.test("refused no more", () => {});

Deno.test("in a file of tests that are refused, but not one of them", () => {});
