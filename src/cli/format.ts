/** Numbers and tables as people read and write them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A size such as "1.5 KiB". */
export function formatSize(byteLength: number): string {
  let value = byteLength;
  let unit = 0;
  // A value that would be rounded to 1024.0 is shown in the next unit.
  while (value >= (unit === 0 ? 1024 : 1023.95) && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A size in both forms: "1.5 KiB (1536 bytes)". */
export function formatExactSize(byteLength: number): string {
  return `${formatSize(byteLength)} (${byteLength} ${byteLength === 1 ? "byte" : "bytes"})`;
}

/** A share from 0 to 1, such as "45 %". */
export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** Permission bits as chmod takes them: "0600". */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/**
 * Foreign text without control characters, which could move the cursor of a terminal: always one
 * line.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A column of a table. */
interface Column {
  /** Its heading. */
  readonly title: string;
  /** Whether its cells stand at its right edge, as numbers do. */
  readonly right?: boolean;
}

/** Lines with columns of even width, the headings first. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines.map((line) => tableLine(line, columns, widths)).join("");
}

function tableLine(
  cells: readonly string[],
  columns: readonly Column[],
  widths: readonly number[],
): string {
  const padded = cells.map((cell, i) =>
    columns[i]!.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)
  );
  return padded.join("  ").trimEnd() + "\n";
}

/** Lines such as "size  4.0 KiB". */
export function formatFields(fields: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  return Object.entries(fields)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`)
    .join("");
}

/** JSON on one line. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value) + "\n";
}

const FACTORS: Readonly<Record<string, number>> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** Reads "4096", "0x1000" or "4k"; undefined if it is not a size. */
export function parseBytes(text: string): number | undefined {
  const [, digits, suffix] = text.match(/^(0x[0-9a-f]+|[0-9]+(?=[kmgt]?$))([kmgt]?)$/i) ?? [];
  if (digits === undefined) return undefined;
  const bytes = Number(digits) * FACTORS[suffix!.toLowerCase()]!;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
