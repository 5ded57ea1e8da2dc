/** The error for a value that none of the algorithms can have written. */

/** The error for a value that no word of `what` can have. */
export function damaged(what: string, value: number): Error {
  return new Deno.errors.InvalidData(
    `Cannot use ${what}: its memory is damaged, one of its words is ${value}`,
  );
}
