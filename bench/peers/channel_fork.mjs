/**
 * Messages to a process that `fork` of node:child_process started, in Node or Bun: prints the
 * nanoseconds per message, or per round trip. Arguments: "send" or "call", bytes, times.
 */
import { fork } from "node:child_process";
import process from "node:process";

const [what, ...numbers] = process.argv.slice(2);
const [byteLength, times] = numbers.map(Number);

// Deno runs itself where a program asks for a node that is not installed.
if (process.versions.deno !== undefined) throw new Error("this is Deno, not Node");

if (process.send === undefined) {
  const child = fork(new URL(import.meta.url).pathname, process.argv.slice(2), {
    serialization: "advanced",
  });
  const message = new Uint8Array(byteLength);
  const answered = () => new Promise((resolve) => child.once("message", resolve));
  const run = async (count) => {
    if (what === "call") {
      for (let i = 0; i < count; i++) {
        const answer = answered();
        child.send(message);
        await answer;
      }
    } else {
      const answer = answered();
      for (let i = 0; i < count; i++) child.send(message);
      await answer;
    }
  };
  await run(1); // both are there after the first one
  const start = process.hrtime.bigint();
  await run(times);
  console.log(Number(process.hrtime.bigint() - start) / times);
  child.disconnect();
} else {
  let left = 1;
  process.on("message", (message) => {
    if (what === "call") process.send(message);
    else if (--left === 0) {
      left = times;
      process.send(0);
    }
  });
}
