/**
 * Draws what a run of peers_bench.ts found: files.svg and messages.svg beside a peers.json. What it needs
 * for that, nothing else does, so it has a configuration of its own:
 * `deno run --config bench/plots/deno.json --allow-read --allow-write bench/plots/draw.ts docs/peers`.
 */

import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Results } from "../_peer_report.ts";
import { OURS, type Outcome } from "../_peer_work.ts";
import { duration } from "../_ratio.ts";

/** One of several pictures in one. */
type Chart = Extract<TopLevelSpec, { concat: unknown }>["concat"][number];

/** Light blue and orange: text is readable on both, and all eyes can tell them apart. */
const COLORS = { "slower than ours": "#9ecae9", "faster than ours": "#ffbf79" };

/** SVG by name. */
async function drawPlots(
  { files, messages, machine }: Results,
): Promise<Record<string, string>> {
  const where = `${machine.command}, ${machine.date}: ${machine.processors} cores of ` +
    `${machine.processor}, ${machine.system}, load ${machine.load[0]!.toFixed(1)}`;
  return {
    files: await draw(files, "Files: time of each in that of @mmap/mmap", where, 3),
    messages: await draw(messages, "Messages: time of each in that of @mmap/mmap", where, 2),
  };
}

/** A chart for each work; bars go to the right of 1 for who is slower than we are. */
async function draw(
  outcomes: readonly Outcome[],
  title: string,
  subtitle: string,
  columns: number,
): Promise<string> {
  const spec: TopLevelSpec = {
    title: { text: title, subtitle, anchor: "start", fontSize: 16 },
    background: "white",
    columns,
    spacing: 20,
    concat: outcomes.map(chart),
    config: { legend: { orient: "bottom" }, font: "sans-serif" },
  };
  return await new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}

function chart({ work, figures }: Outcome): Chart {
  const [ours, ...others] = figures;
  const values = others.map(({ peer, ratio, nanoseconds }) => ({
    peer,
    ratio,
    time: duration(nanoseconds),
    side: ratio < 1 ? "faster than ours" : "slower than ours",
  }));
  const axis = { labelLimit: 240 };
  const y = { field: "peer", type: "nominal", sort: null, title: null, axis } as const;
  const scale = { type: "log", domain: domainOf(others.map(({ ratio }) => ratio)) } as const;
  const ticks = { tickCount: 4, format: "~g" };
  const x = { field: "ratio", type: "quantitative", scale, title: null, axis: ticks } as const;
  const color = {
    field: "side",
    type: "nominal",
    title: null,
    scale: { domain: Object.keys(COLORS), range: Object.values(COLORS) },
  } as const;
  return {
    title: { text: `${work} (${OURS}: ${duration(ours!.nanoseconds)})`, fontSize: 12 },
    data: { values },
    width: 220,
    height: { step: 18 },
    layer: [
      { mark: "bar", encoding: { x, x2: { datum: 1 }, y, color } },
      { mark: { type: "rule", color: "#333" }, encoding: { x: { datum: 1, scale } } },
      {
        mark: { type: "text", align: "left", dx: 4, fontSize: 9 },
        encoding: {
          x: { datum: 1, scale },
          y,
          text: { field: "time" },
        },
      },
    ],
  };
}

/** Powers of ten around all of them and 1. */
function domainOf(ratios: readonly number[]): [number, number] {
  const logs = ratios.map(Math.log10);
  return [10 ** Math.floor(Math.min(-0.1, ...logs)), 10 ** Math.ceil(Math.max(0.1, ...logs))];
}

const [directory] = Deno.args;
if (directory === undefined) throw new TypeError("draw.ts needs the directory of a peers.json");
const results: Results = JSON.parse(Deno.readTextFileSync(`${directory}/peers.json`));
for (const [name, svg] of Object.entries(await drawPlots(results))) {
  await Deno.writeTextFile(`${directory}/${name}.svg`, svg);
}
