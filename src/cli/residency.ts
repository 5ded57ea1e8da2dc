/** `mmap residency` */

import type { Residency } from "../mapping/page_state.ts";
import { system } from "../os/mod.ts";
import type { Command, Input } from "./command.ts";
import { formatJson, formatSize } from "./format.ts";
import { print } from "./output.ts";
import { Target } from "./target.ts";

const DEFAULT_WIDTH = 64;
const MAX_WIDTH = 10_000;

/** Draws which pages are in memory. */
export const residency: Command = {
  name: "residency",
  operands: "TARGET",
  summary: "draws which pages are in memory",
  details: "A full block stands for pages that are all in memory, a light one for none, those\n" +
    "between for a part. JSON lists the pages in memory as runs.",
  options: {
    width: { value: "COLUMNS", help: `how wide to draw it (default ${DEFAULT_WIDTH})` },
  },
  run: runResidency,
};

async function runResidency(input: Input): Promise<number> {
  const width = readWidth(input);
  using target = new Target(input.operands[0]!);
  if (target.region !== undefined) checkShowsAll();
  const report = target.region?.residency();
  await print(input.json ? jsonOf(target.text, report) : drawing(report, width));
  return 0;
}

/** @throws {Deno.errors.NotSupported} If this process would only learn what it has touched itself. */
function checkShowsAll(): void {
  const { name, memory } = system();
  if (memory.showsOwnPagesOnly !== true) return;
  throw new Deno.errors.NotSupported(
    `Cannot tell which pages are in memory: ${name} tells a program about its own pages alone, ` +
      "so ask region.residency() where the region is used",
  );
}

function readWidth({ values: { width }, usageError }: Input): number {
  if (typeof width !== "string") return DEFAULT_WIDTH;
  const columns = /^\d+$/.test(width) ? Number(width) : 0;
  if (columns >= 1 && columns <= MAX_WIDTH) return columns;
  throw usageError(`--width must be a number from 1 to ${MAX_WIDTH}, not '${width}'`);
}

/** A run of pages that are in memory. */
interface Run {
  /** The number of its first page. */
  readonly page: number;
  readonly pages: number;
}

function jsonOf(target: string, report: Residency | undefined): string {
  const { pageSize, pages = 0, residentPages = 0, map } = report ?? {};
  const resident = map === undefined ? [] : runsOf(map);
  return formatJson({ target, pageSize, pages, residentPages, resident });
}

function runsOf(map: Uint8Array): Run[] {
  const runs: Run[] = [];
  for (let page = map.indexOf(1); page !== -1;) {
    const gap = map.indexOf(0, page);
    const end = gap === -1 ? map.length : gap;
    runs.push({ page, pages: end - page });
    page = map.indexOf(1, end);
  }
  return runs;
}

function drawing(report: Residency | undefined, width: number): string {
  if (report === undefined) return "no pages\n";
  const { pages, residentPages, pageSize } = report;
  const share = Math.floor(100 * residentPages / pages);
  const sizes = `${formatSize(residentPages * pageSize)} of ${formatSize(pages * pageSize)}`;
  return `${bar(report.map, width)}\n` +
    `${residentPages} of ${pages} pages in memory (${share} %, ${sizes})\n`;
}

/** From none to all. */
const BLOCKS = "░▒▓█";

/** One character per page, or per several where there are more of them than columns. */
function bar(map: Uint8Array, width: number): string {
  const cells = Math.min(width, map.length);
  let drawn = "";
  for (let i = 0; i < cells; i++) {
    const start = Math.floor(i * map.length / cells);
    const end = Math.floor((i + 1) * map.length / cells);
    drawn += block(map.subarray(start, end));
  }
  return drawn;
}

function block(map: Uint8Array): string {
  const resident = map.reduce((sum, page) => sum + page, 0);
  if (resident === 0) return BLOCKS[0]!;
  if (resident === map.length) return BLOCKS[3]!;
  return BLOCKS[2 * resident < map.length ? 1 : 2]!;
}
