/** What a test gives to be run in every order, and the state of those who run. */

import { Digest } from "./_paths.ts";

/** What a test gives to be run: made anew for every schedule. */
export interface Plan {
  /** All memory that the actors share. */
  readonly memory: SharedArrayBuffer;
  readonly actors: readonly (() => void)[];
  /** Looks at the end whether all is as it should be. */
  readonly atEnd?: (world: World) => void;
}

/** What `atEnd` may ask. */
export interface World {
  readonly killed: ReadonlySet<number>;
}

/** How far a search goes. */
export interface Bounds {
  /** How often an actor that could go on is stopped. Without it, in every order there is. */
  readonly preemptions?: number;
  /** How many actors are killed, at any step. */
  readonly kills?: number;
  /** Who may be killed; by default everybody. */
  readonly victims?: readonly number[];
  /** How often a wait's time is up although somebody could go on. */
  readonly timers?: number;
  /**
   * How many waits without a deadline of their own end if nobody can go on: the time slices that
   * make up for the dead. 0: a lost wake-up is a deadlock.
   */
  readonly slices?: number;
}

/** A step that was taken. */
export interface Entry {
  readonly name: string;
  readonly result: unknown;
}

/** One of those who run. */
export interface Actor {
  readonly id: number;
  readonly run: () => void;
  readonly record: Entry[];
  /** Of what its further steps depend on. */
  digest: Digest;
  /** How far the record was replayed. */
  position: number;
  status: "ready" | "waiting" | "ended" | "killed";
  waiting: { address: number; timeoutMs: number; since: number; end: number };
}

export function makeActor(run: () => void, id: number): Actor {
  return {
    id,
    run,
    record: [],
    digest: new Digest(),
    position: 0,
    status: "ready",
    waiting: { address: 0, timeoutMs: 0, since: 0, end: 0 },
  };
}

/** What can come next. */
export interface Choice {
  readonly kind: "run" | "kill" | "time";
  readonly actor: Actor;
}

/** A wait of less than this has a deadline of its own. */
const SLICE_MS = 30;

/** What can come next within the bounds of a search. */
export class Choices {
  readonly #actors: readonly Actor[];
  readonly #bounds: Bounds;
  #last: Actor | undefined;
  #preemptions = 0;
  #kills = 0;
  #timers = 0;
  #slices = 0;

  constructor(actors: readonly Actor[], bounds: Bounds) {
    this.#actors = actors;
    this.#bounds = bounds;
  }

  /** Those who wait, in the order in which they came. */
  get waiting(): Actor[] {
    return this.#actors.filter(({ status }) => status === "waiting")
      .sort((a, b) => a.waiting.since - b.waiting.since);
  }

  get #ready(): Actor[] {
    return this.#actors.filter(({ status }) => status === "ready");
  }

  /** Takes note of what was chosen. */
  take({ kind, actor }: Choice): void {
    if (kind === "kill") {
      this.#kills++;
    } else if (kind === "time") {
      if (this.#ready.length > 0) this.#timers++;
      else if (actor.waiting.timeoutMs >= SLICE_MS) this.#slices++;
    } else {
      if (this.#last !== actor && this.#last?.status === "ready") this.#preemptions++;
      this.#last = actor;
    }
  }

  /** All that can come next. */
  list(): Choice[] {
    const choices = [...this.#runs(), ...this.#times()];
    const { kills = 0, victims } = this.#bounds;
    if (this.#kills === kills || choices.length === 0) return choices;
    for (const actor of [...this.#ready, ...this.waiting]) {
      if (victims?.includes(actor.id) ?? true) choices.push({ kind: "kill", actor });
    }
    return choices;
  }

  /** Who ran last comes first: the first path is the one with the fewest switches. */
  #runs(): Choice[] {
    const { preemptions = Infinity } = this.#bounds;
    const last = this.#last?.status === "ready" ? [this.#last] : [];
    const others = this.#ready.filter((actor) => actor !== last[0]);
    const stays = last.length > 0 && this.#preemptions === preemptions;
    return (stays ? last : [...last, ...others]).map((actor) => ({ kind: "run", actor }));
  }

  #times(): Choice[] {
    const { timers = 0, slices = 0 } = this.#bounds;
    const { waiting } = this;
    let due = waiting;
    if (this.#ready.length > 0) {
      if (this.#timers === timers) return [];
    } else {
      // Nobody can go on, so time passes until the first wait ends.
      const firstEnd = Math.min(...waiting.map(({ waiting }) => waiting.end));
      due = waiting.filter(({ waiting }) =>
        waiting.end === firstEnd && (waiting.timeoutMs < SLICE_MS || this.#slices < slices)
      );
    }
    return due.map((actor) => ({ kind: "time", actor }));
  }

  /** Adds what further choices depend on. */
  addTo(digest: Digest): void {
    for (const used of [this.#kills, this.#timers, this.#slices]) digest.add(used);
    if (this.#bounds.preemptions === undefined) return;
    digest.add(this.#preemptions);
    digest.add(this.#last?.id ?? -1);
  }
}
