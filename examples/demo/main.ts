/**
 * The main job on real input: several processes count the words of one mapped file, in place. Then
 * it prints one line for each ability of a map, from the other examples.
 *
 *     deno run --allow-ffi --allow-read --allow-write --allow-run examples/demo/main.ts
 *
 * or `deno task demo`, with these arguments: [PATH] [--size=MIB] [--no-rows].
 * Without a path it makes a text file of 64 MiB, and removes it at the end.
 */

import { temporaryDirectory } from "../temporary.ts";
import { type Count, countMapped, countRead, countShared } from "./count.ts";
import { ROWS } from "./rows.ts";
import { makeText } from "./text.ts";

const DEFAULT_SIZE = 64;
const MAX_PROCESSES = 4;

function textFile(dir: ReturnType<typeof temporaryDirectory>): string {
  const size = Deno.args.find((arg) => arg.startsWith("--size="))?.slice("--size=".length);
  const mebibytes = Number(size ?? DEFAULT_SIZE);
  const path = dir.file("text.txt");
  console.log(`Making ${mebibytes} MiB of text in ${path}`);
  makeText(path, mebibytes * 2 ** 20);
  return path;
}

/** Counts each way and prints the table. @returns whether all ways found the same number */
async function compare(path: string): Promise<boolean> {
  const processes = Math.min(navigator.hardwareConcurrency, MAX_PROCESSES);
  // One untimed run: the first reader of a file waits for the disk, and the others would not.
  await countRead(path);
  const counts = [await countRead(path), countMapped(path), await countShared(path, processes)];
  print("way", "processes", "bytes", "words", "wall ms", "counting ms");
  for (const count of counts) printCount(count);
  const exact = counts.every(({ words }) => words === counts[0]!.words);
  console.log(exact ? "All three counts are equal." : "THE COUNTS DIFFER.");
  return exact;
}

function printCount({ way, processes, bytes, words, wallMs, countingMs }: Count): void {
  print(way, processes, bytes, words, wallMs.toFixed(0), countingMs.toFixed(0));
}

const WIDTHS = [14, 11, 12, 12, 9, 13];

function print(way: string, ...numbers: (string | number)[]): void {
  const cells = numbers.map((number, i) => String(number).padStart(WIDTHS[i + 1]!));
  console.log(way.padEnd(WIDTHS[0]!) + cells.join(""));
}

/** @returns whether every row was seen */
async function showRows(): Promise<boolean> {
  let all = true;
  for (const { name, see } of ROWS) {
    try {
      console.log(`${name.padEnd(30)}${(await see()).trim()}`);
    } catch (error) {
      console.log(`${name.padEnd(30)}FAILED: ${error}`);
      all = false;
    }
  }
  return all;
}

async function main(): Promise<boolean> {
  using dir = temporaryDirectory();
  Deno.addSignalListener("SIGINT", () => {
    dir[Symbol.dispose]();
    Deno.exit(130);
  });
  const path = Deno.args.find((arg) => !arg.startsWith("--")) ?? textFile(dir);
  const exact = await compare(path);
  if (Deno.args.includes("--no-rows")) return exact;
  console.log("\nWhat a map can do, as the examples saw it:");
  return await showRows() && exact;
}

const good = await main();
Deno.exit(good ? 0 : 1);
