/** What the fuzzer throws when something is not as it must be. */

/** The model and the real things said different things. */
export class Mismatch extends Error {
  override readonly name = "Mismatch";
}

/** @throws {Mismatch} If `condition` does not hold. */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Mismatch(message);
}
