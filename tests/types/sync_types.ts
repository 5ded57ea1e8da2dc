/**
 * What the compiler must know of layouts: `deno check` is the test, and nothing here is ever run. An
 * `@ts-expect-error` without an error is one itself.
 */

import {
  Barrier,
  layOut,
  Mutex,
  type PlacedLayout,
  type RwLock,
  SharedEvent,
} from "@mmap/mmap/sync";
import { array, f64, i64, struct, type StructArray, type StructRecord } from "@mmap/mmap/struct";
import type { MmapRegion } from "@mmap/mmap";

const Point = struct({ x: f64, id: i64 });
const layout = layOut({
  mutex: Mutex,
  start: [Barrier, 3],
  ready: [SharedEvent, { autoReset: true }],
  set: SharedEvent,
  point: Point,
  points: array(Point, 5),
  hits: array(f64, 1024),
});

type PointFields = { readonly x: typeof f64; readonly id: typeof i64 };

/** Each name has the type of what is at its place. */
export function parts(shared: ReturnType<typeof layout.create>): void {
  const mutex: Mutex = shared.mutex;
  const start: Barrier = shared.start;
  const events: SharedEvent[] = [shared.ready, shared.set];
  const point: StructRecord<PointFields> = shared.point;
  const points: StructArray<PointFields> = shared.points;
  const id: bigint = shared.points.column("id").at(0);
  shared.hits[3] = 1.5;
  const region: MmapRegion = shared.region;
  const fitting: PlacedLayout<{ mutex: typeof Mutex }> = shared;
  // @ts-expect-error: a mutex is no RwLock
  const wrong: RwLock = shared.mutex;
  // @ts-expect-error: there is no such name
  void shared.other;
  // @ts-expect-error: nothing can be put in place of a part
  shared.mutex = mutex;
  void [start, events, point, points, id, region, fitting, wrong];
}

/** What can be a part. */
export function shapes(): void {
  // @ts-expect-error: a barrier needs the number of its parties
  layOut({ start: Barrier });
  // @ts-expect-error: of what else?
  layOut({ number: f64 });
  // @ts-expect-error: only events have options
  layOut({ mutex: [Mutex, { autoReset: true }] });
}
