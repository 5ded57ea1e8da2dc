/** The second process of a pipe: counts messages of a fixed length. Arguments: bytes, how many. */

const [byteLength, times] = Deno.args.map(Number) as [number, number];
let message = new Uint8Array(byteLength);
let filled = 0;
let count = 0;

for await (const chunk of Deno.stdin.readable) {
  for (let at = 0; at < chunk.length;) {
    const part = chunk.subarray(at, at + byteLength - filled);
    message.set(part, filled);
    filled += part.length;
    at += part.length;
    if (filled < byteLength) continue;
    take(message);
    message = new Uint8Array(byteLength);
    filled = 0;
  }
}

function take(message: Uint8Array): void {
  if (message[0] !== (count++ & 255)) throw new Error("a message is wrong");
  if (count < times) return;
  count = 0;
  Deno.stdout.writeSync(message.subarray(0, 1));
}
