/** How often a spinner looks. */

import { assertEquals } from "@std/assert";
import { Spinner } from "../../src/wait/spinner.ts";

const MOST = 64;

/** Every so many spins, one is as long as the longest. */
const PROBE_EVERY = 256;

/** How many looks one spin takes that finds something at the look `foundAt`, or nothing. */
function looks(spinner: Spinner, foundAt: number = Infinity): number {
  let count = 0;
  const found = spinner.spin({ attempt: () => ++count === foundAt ? "found" : undefined });
  assertEquals(found, count === foundAt ? "found" : undefined);
  return count;
}

/** Spins in vain. */
function spinInVain(spinner: Spinner, times: number): number[] {
  return Array.from({ length: times }, () => looks(spinner));
}

Deno.test("Spinner.spin() looks until something is there, at once if it can", () => {
  const spinner = new Spinner({ most: MOST });
  assertEquals(looks(spinner, 1), 1);
  assertEquals(looks(spinner, 5), 5);
});

Deno.test("Spinner.spin() looks half as often after each time in vain, and once at least", () => {
  assertEquals(spinInVain(new Spinner({ most: MOST }), 9), [64, 32, 16, 8, 4, 2, 1, 1, 1]);
});

Deno.test("Spinner.spin() looks often again once that was of use", () => {
  const spinner = new Spinner({ most: MOST });
  spinInVain(spinner, 3);
  assertEquals(looks(spinner, 7), 7);
  assertEquals(looks(spinner), 16);
  looks(spinner, 8);
  looks(spinner, 16);
  looks(spinner, 32);
  assertEquals(looks(spinner), MOST, "no more than the longest moment");
});

Deno.test("Spinner.spin() tries now and then whether the longest moment is of use again", () => {
  const spinner = new Spinner({ most: MOST });
  const counts = spinInVain(spinner, 2 * PROBE_EVERY);
  assertEquals(counts[PROBE_EVERY - 2], 1);
  assertEquals(counts[PROBE_EVERY - 1], MOST);
  assertEquals(counts[2 * PROBE_EVERY - 1], MOST);
  spinInVain(spinner, PROBE_EVERY - 1);
  assertEquals(looks(spinner, 50), 50);
  assertEquals(looks(spinner), MOST, "it was");
});

Deno.test("Spinner.spin() does not count a success at the first look as one of looking again", () => {
  const spinner = new Spinner({ most: MOST });
  spinInVain(spinner, 6);
  looks(spinner, 1);
  assertEquals(looks(spinner), 1);
});

Deno.test("Spinner.spin() makes its breaks longer, up to the longest", () => {
  const steady = true;
  assertEquals(looks(new Spinner({ most: 15, longestBreak: 8, steady })), 4); // 1 + 2 + 4 + 8
  assertEquals(looks(new Spinner({ most: 15, longestBreak: 2, steady })), 8); // 1 + 7 * 2
});

Deno.test("Spinner.spin() of a steady one always looks as often", () => {
  const spinner = new Spinner({ most: MOST, steady: true });
  assertEquals(spinInVain(spinner, 3), [MOST, MOST, MOST]);
});
