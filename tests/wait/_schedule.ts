/**
 * One run of several actors, step by step in an order that `Paths` chooses.
 *
 * An actor is a plain function; a step is one access to shared memory. To stop an actor between two
 * accesses, the second one throws; to go on, the function runs again from its beginning, and its
 * first accesses are answered from the record of what they gave before.
 */

import {
  type Actor,
  type Bounds,
  type Choice,
  Choices,
  type Entry,
  makeActor,
  type Plan,
} from "./_actors.ts";
import { type Interceptor, PlainInt32Array } from "./_atomics.ts";
import { Digest, type Paths } from "./_paths.ts";

const MOST_STEPS = 3000;

/** Thrown to stop an actor; every further access of its throws it again. */
const STOP = Symbol("stop");

/** One schedule. */
export class Schedule implements Interceptor {
  /** What happened, if it is wanted. */
  trace: string[] | undefined;
  readonly #plan: Plan;
  readonly #paths: Paths;
  readonly #seen: Set<number>;
  readonly #cells: Int32Array;
  readonly #actors: readonly Actor[];
  readonly #choices: Choices;
  #current: Actor | undefined;
  #chosen: Actor | undefined;
  #granted = false;
  #stopping = false;
  /** Whether a step is being taken, whose own accesses are no steps. */
  #performing = false;
  #failure: { error: unknown } | undefined;
  #steps = 0;
  #now = 0;

  /** @param seen the states that were seen in other schedules: what follows is known, too */
  constructor(plan: Plan, bounds: Bounds, paths: Paths, seen: Set<number>) {
    this.#plan = plan;
    this.#paths = paths;
    this.#seen = seen;
    this.#cells = new PlainInt32Array(plan.memory);
    this.#actors = plan.actors.map(makeActor);
    this.#choices = new Choices(this.#actors, bounds);
  }

  /** Runs to the end, or to a state that was seen before. @throws what an actor or `atEnd` throws */
  run(): void {
    while (true) {
      const next = this.#chosen ?? this.#choose();
      this.#chosen = undefined;
      if (next === undefined) break;
      this.#resume(next);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#actors.some(({ status }) => status === "waiting" || status === "ready")) return;
    const killed = this.#actors.filter(({ status }) => status === "killed").map(({ id }) => id);
    this.#plan.atEnd?.({ killed: new Set(killed) });
  }

  #resume(actor: Actor): void {
    this.#current = actor;
    this.#granted = true;
    this.#stopping = false;
    actor.position = 0;
    try {
      actor.run();
      if (!this.#stopping) actor.status = "ended";
    } catch (error) {
      // While it is stopped, what comes out may be that stop within a SuppressedError.
      if (!this.#stopping) this.#fail(error);
    }
    this.#current = undefined;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#chosen = undefined;
  }

  /** The actor that runs now; undefined outside of all of them. */
  get self(): number | undefined {
    return this.#current?.id;
  }

  /** Only waits take time. Looking at the clock is no step. */
  get now(): number {
    const actor = this.#current;
    if (actor === undefined) return this.#now;
    const before = this.#replayed(actor, "now");
    if (before !== undefined) return before.result as number;
    this.#note(actor, "now", this.#now);
    return this.#now;
  }

  /** Whether an actor was killed, or never was. */
  isDead(id: number): boolean {
    return (this.#actors[id]?.status ?? "killed") === "killed";
  }

  /** A choice of the test's own. */
  flip(): boolean {
    return this.access("flip", 0, () => this.#paths.pick(2) === 1);
  }

  /** The actor's further steps depend on nothing that it saw so far but on this number. */
  forget(milestone: number): void {
    const actor = this.#current!;
    if (this.#stopping || actor.position < actor.record.length) return;
    actor.digest = new Digest();
    actor.digest.add(milestone);
  }

  access<T>(name: string, index: number, perform: () => T): T {
    const actor = this.#current;
    if (actor === undefined || this.#performing) return perform();
    const before = this.#replayed(actor, name);
    if (before !== undefined) return before.result as T;
    this.#ask(actor);
    const result = this.#perform(perform);
    this.#note(actor, name, result);
    this.trace?.push(`${actor.id}: ${name}(${index}) = ${result}`);
    return result;
  }

  #perform<T>(perform: () => T): T {
    this.#performing = true;
    try {
      return perform();
    } catch (error) {
      this.#fail(error);
      return this.#stop();
    } finally {
      this.#performing = false;
    }
  }

  wait(cells: Int32Array, index: number, expected: number, timeoutMs: number): string {
    const actor = this.#current!;
    const before = this.#replayed(actor, "wait");
    if (before !== undefined) return before.result as string;
    this.#ask(actor);
    if (cells[index] !== expected) {
      this.#note(actor, "wait", "not-equal");
      this.trace?.push(`${actor.id}: wait(${index}, ${expected}) = not-equal`);
      return "not-equal";
    }
    actor.status = "waiting";
    const address = cells.byteOffset + 4 * index;
    const end = this.#now + timeoutMs;
    actor.waiting = { address, timeoutMs, since: this.#steps, end };
    this.trace?.push(`${actor.id}: wait(${index}, ${expected}) ...`);
    return this.#stop();
  }

  notify(cells: Int32Array, index: number, count: number): number {
    return this.access("wake", index, () => {
      const address = cells.byteOffset + 4 * index;
      const woken = this.#choices.waiting.filter(({ waiting }) => waiting.address === address);
      for (const actor of woken.slice(0, count)) this.#endWait(actor, "ok");
      return Math.min(count, woken.length);
    });
  }

  #endWait(actor: Actor, result: "ok" | "timed-out"): void {
    actor.status = "ready";
    this.#note(actor, "wait", result);
    this.trace?.push(`${actor.id}: ... ${result}`);
  }

  #replayed(actor: Actor, name: string): Entry | undefined {
    if (this.#stopping) throw STOP;
    const entry = actor.record[actor.position];
    if (entry === undefined) return undefined;
    if (name !== entry.name) {
      this.#fail(new Error(`An actor is not deterministic: ${name} was ${entry.name}`));
      return this.#stop();
    }
    actor.position++;
    return entry;
  }

  #note(actor: Actor, name: string, result: unknown): void {
    actor.record.push({ name, result });
    if (actor === this.#current) actor.position++;
    actor.digest.addResult(name);
    actor.digest.addResult(result);
  }

  /** Lets the actor take its next step, or stops it here. */
  #ask(actor: Actor): void {
    if (!this.#granted) {
      const chosen = this.#choose();
      if (chosen !== actor) {
        this.#chosen = chosen;
        this.#stop();
      }
    }
    this.#granted = false;
  }

  #stop(): never {
    this.#stopping = true;
    throw STOP;
  }

  /** Who takes the next step; undefined if nobody does. */
  #choose(): Actor | undefined {
    while (this.#failure === undefined) {
      if (++this.#steps > MOST_STEPS) this.#fail(new Error("The actors run for ever"));
      if (this.#paths.isNew && this.#wasSeen()) return undefined;
      const choices = this.#choices.list();
      if (choices.length === 0) return this.#finish();
      const choice = choices[choices.length === 1 ? 0 : this.#paths.pick(choices.length)]!;
      this.#choices.take(choice);
      if (choice.kind === "run") return choice.actor;
      this.#apply(choice);
    }
    return undefined;
  }

  #finish(): undefined {
    if (this.#choices.waiting.length > 0) this.#fail(new Error("Nobody can go on"));
  }

  #apply({ kind, actor }: Choice): void {
    if (kind === "kill") {
      actor.status = "killed";
      this.trace?.push(`${actor.id}: killed`);
    } else {
      this.#now = Math.max(this.#now, actor.waiting.end);
      this.#endWait(actor, "timed-out");
    }
  }

  /** Whether this very state was reached before, on whatever way. */
  #wasSeen(): boolean {
    const digest = new Digest();
    this.#cells.forEach((value, i) => {
      if (value === 0) return;
      digest.add(i);
      digest.add(value);
    });
    for (const actor of this.#actors) {
      digest.addAll(actor.digest);
      digest.addResult(actor.status);
    }
    for (const { id, waiting } of this.#choices.waiting) {
      digest.add(id);
      digest.add(waiting.end);
    }
    digest.add(this.#now);
    this.#choices.addTo(digest);
    const { value } = digest;
    if (this.#seen.has(value)) return true;
    this.#seen.add(value);
    return false;
  }
}
