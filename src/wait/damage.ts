/** The error for words that none of the algorithms can have written. */

/** An error of a value that cannot stand in a word of `what`. */
export function damaged(what: string, value: number): Error {
  return new Deno.errors.InvalidData(
    `Cannot use ${what}: its memory is damaged, one of its words is ${value}`,
  );
}
