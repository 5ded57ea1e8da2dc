/** Other functions in the table of a library, for the rooms that call it. */

/** Puts other functions in a table. @returns what puts the real ones back */
export function patch<T extends object>(table: T, replacement: Partial<T>): () => void {
  const names = Object.keys(replacement) as (keyof T)[];
  const real = Object.fromEntries(names.map((name) => [name, table[name]]));
  Object.assign(table, replacement);
  return () => void Object.assign(table, real);
}

/** Runs `body` with other functions in a table. */
export async function withPatch<T extends object>(
  table: T,
  replacement: Partial<T>,
  body: () => void | Promise<void>,
): Promise<void> {
  const restore = patch(table, replacement);
  try {
    await body();
  } finally {
    restore();
  }
}
