/** `mmap locks` */

import type { Command, Input } from "./command.ts";
import { formatFields, formatJson, formatTable } from "./format.ts";
import type { LockInspection } from "./kinds/inspection.ts";
import { objectsOf, sceneNow } from "./objects.ts";
import { print } from "./output.ts";

/** Shows what a process holds and waits for. */
export const locks: Command = {
  name: "locks",
  operands: "PID",
  summary: "tells which locks a process holds, and what it waits for",
  details:
    "In all memory that it shares with others. Locks in bare memory are found while somebody\n" +
    "holds them; what a process waits for is seen by the same user or root.",
  run: runLocks,
};

/** A lock of a process, or a wait. */
interface Row {
  /** The object that it lies in. */
  readonly path: string;
  readonly kind: string;
  readonly byteOffset: number;
  readonly does: "holds" | "waits";
  /** What for. */
  readonly what: string;
  /** The thread, where that is known. */
  readonly tid: number | null;
}

async function runLocks({ operands, json, usageError }: Input): Promise<number> {
  const [text] = operands;
  if (!/^[1-9]\d{0,8}$/.test(text!)) throw usageError(`PID must be a process, not '${text}'`);
  const pid = Number(text);
  const scene = await sceneNow("read locks");
  const { observing } = scene;
  if (observing.threadsOf(pid).length === 0) {
    throw new Deno.errors.NotFound(`Cannot read locks: no process ${pid} is shown here`);
  }
  const objects = await objectsOf(scene, [pid]);
  const rows = objects.flatMap(({ path, found }): Row[] => {
    if (found === undefined) return [];
    const { kind } = found.inspection;
    const waits = found.asleep.filter((sleeper) => sleeper.pid === pid);
    return [
      ...found.inspection.locks.flatMap((lock) => rowsOf(lock, pid, { path, kind })),
      ...waits.map(({ byteOffset, what, tid }): Row => ({
        path,
        kind,
        byteOffset,
        does: "waits",
        what,
        tid,
      })),
    ];
  });
  const command = observing.commandOf(pid);
  const waitersShown = observing.sleepers(pid, []) !== undefined;
  if (json) await print(formatJson({ pid, command, waitersShown, locks: rows }));
  else await print(textOf(pid, command, waitersShown, rows));
  return 0;
}

function rowsOf(
  { name, byteOffset, kind: lockKind, holder, waiters }: LockInspection,
  pid: number,
  place: Pick<Row, "path" | "kind">,
): Row[] {
  const what = name === undefined ? lockKind : `${name} (${lockKind})`;
  const row = (does: Row["does"], tid: number | null): Row => {
    return { ...place, byteOffset, does, what, tid };
  };
  return [
    ...(holder?.pid === pid ? [row("holds", holder.tid)] : []),
    ...(waiters ?? []).filter((waiter) => waiter === pid).map(() => row("waits", null)),
  ];
}

function textOf(
  pid: number,
  command: string | null,
  waitersShown: boolean,
  rows: readonly Row[],
): string {
  const head = formatFields({ process: command === null ? `${pid}` : `${pid} ${command}` });
  const note = waitersShown ? "" : "what it waits for is not shown to this user\n";
  if (rows.length === 0) return `${head}${note}no locks\n`;
  return head + note + "\n" + formatTable(
    [
      { title: "DOES" },
      { title: "WHAT" },
      { title: "THREAD", right: true },
      { title: "KIND" },
      { title: "OFFSET", right: true },
      { title: "IN" },
    ],
    rows.map(({ does, what, tid, kind, byteOffset, path }) => [
      does,
      what,
      tid === null ? "-" : String(tid),
      kind,
      String(byteOffset),
      path,
    ]),
  );
}
