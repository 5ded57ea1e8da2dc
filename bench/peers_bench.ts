/**
 * The module against what a user would pick instead: `deno task bench:peers`, followed by a directory
 * for the results (docs/peers by default) and the number of rounds (11 by default). Needs 200 MB in
 * /dev/shm and on disk. Who is not installed is skipped, and named with what it needs.
 *
 * `deno run -A bench/peers_setup.ts` installs all that can be had from Debian and npm.
 *
 * All sides of a line take turns within one run; see region_ratios.ts.
 */

import { FilePeers, makeFiles } from "./_peer_files.ts";
import { describeMachine } from "./_peer_machine.ts";
import { measureMaps } from "./_peer_maps.ts";
import { measureLatency, measureThroughput } from "./_peer_messages.ts";
import { markdown, printOutcome } from "./_peer_report.ts";
import { FILE_WORKS, type Outcome } from "./_peer_work.ts";
import { output } from "./_programs.ts";
import { withDirectory } from "./_work.ts";

const target = Deno.args[0] ?? new URL("../docs/peers", import.meta.url).pathname;
const rounds = Number(Deno.args[1] ?? 11);

const machine = await describeMachine();
const files: Outcome[] = [];
const messages: Outcome[] = [];
const maps: Outcome[] = [];

function tell(into: Outcome[], outcome: Outcome): void {
  printOutcome(outcome);
  into.push(outcome);
}

await withDirectory(async (disk) => {
  await withDirectory(async (memory) => {
    makeFiles({ memory, disk });
    await using peers = await FilePeers.start({ memory, disk });
    for (const { peer, reason } of peers.absent) console.log(`${peer} is skipped: ${reason}`);
    for (const work of FILE_WORKS) tell(files, await peers.measure(work, rounds));
  }, "/dev/shm");
  await withDirectory(async (memory) => {
    for (const outcome of await measureMaps(memory, rounds)) tell(maps, outcome);
  }, "/dev/shm");
  tell(messages, await measureLatency(disk, rounds));
  tell(messages, await measureThroughput(disk, rounds));
});
machine.load.push(Deno.loadavg()[0]!);

await Deno.mkdir(target, { recursive: true });
const results = { machine, rounds, files, messages, maps };
await Deno.writeTextFile(`${target}/peers.json`, JSON.stringify(results));
await Deno.writeTextFile(`${target}/peers.md`, markdown(results));
const plots = new URL("plots/", import.meta.url).pathname;
await output(Deno.execPath(), [
  ...["run", "--config", `${plots}deno.json`, "--allow-read", "--allow-write"],
  ...[`${plots}draw.ts`, target],
]);
await output(Deno.execPath(), ["fmt", target]);
