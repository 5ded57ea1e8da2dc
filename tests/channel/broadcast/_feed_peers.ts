/** The other processes of the broadcast tests: the feed is in their environment, or a file's. */

import { Broadcast, type SubscribeOptions } from "@mmap/mmap/channel";
import { act } from "../../_act.ts";
import { messageOf, numberOf } from "./_broadcasts.ts";

const say = (line: string): void => console.log(line);

/** Lives until it is killed. */
const stay = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1e6));

await act({
  /** Takes messages to the end. @returns how many it received and lost */
  async read(from: NonNullable<SubscribeOptions["from"]>): Promise<unknown> {
    const subscription = Broadcast.fromEnv().subscribe({ from });
    say("subscribed");
    let received = 0;
    let first: number | undefined;
    let last: number | undefined;
    for (let m = subscription.receiveSync(); m !== null;) {
      const number = numberOf(m);
      first ??= number - subscription.lost;
      if (number !== first + subscription.lost + received) throw new Error("the counts are wrong");
      received++;
      last = number;
      m = received % 2 ? await subscription.receive() : subscription.receiveSync();
    }
    return { first, last, received, lost: subscription.lost };
  },

  /** Reads by many subscriptions at once. @returns how many messages each got */
  async readTogether(): Promise<number[]> {
    const feed = Broadcast.fromEnv();
    const subscriptions = Array.from({ length: 16 }, () => feed.subscribe());
    const counts = subscriptions.map(async (subscription) => {
      let count = 0;
      for await (const message of subscription) {
        if (numberOf(message) !== count++) throw new Error("not in order");
      }
      return count;
    });
    say("subscribed");
    return await Promise.all(counts);
  },

  /** Goes on where the writer before it was, as fast as it can. */
  async write(): Promise<void> {
    const feed = Broadcast.fromEnv();
    const recent = feed.subscribe({ from: "oldest" });
    let next = 0;
    for (let m = recent.tryReceive(); m !== null; m = recent.tryReceive()) next = numberOf(m) + 1;
    // The first is a writer before it is killed: nobody misses one who never was.
    if (next === 0) feed.publish(messageOf(next++));
    say("up");
    for (;; next++) {
      feed.publish(messageOf(next));
      if (next % 100 === 0) await 0;
    }
  },

  async writeThree(): Promise<void> {
    const feed = Broadcast.fromEnv();
    for (let i = 0; i < 3; i++) feed.publish(messageOf(i));
    say("published");
    await stay();
  },

  async writeAndDie(): Promise<void> {
    const feed = Broadcast.fromEnv();
    for (let i = 0; i < 50; i++) {
      feed.publish(messageOf(i));
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    Deno.kill(Deno.pid, "SIGKILL");
  },

  async writeToFile(path: string, first: number, end: number, closes: boolean): Promise<void> {
    const feed = Broadcast.create({ path, capacity: 65536 });
    for (let i = first; i < end; i++) feed.publish(messageOf(i));
    say("published");
    if (closes) feed.close();
    else await stay();
  },
});
