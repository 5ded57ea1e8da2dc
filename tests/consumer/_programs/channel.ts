import { Channel, Latest } from "@mmap/mmap/channel";

using sender: Channel = Channel.create({ capacity: 65536 });
using receiver = Channel.attach(sender.handle());
await sender.send(new Uint8Array([1, 2, 3]), { timeoutMs: 10_000 });
sender.closeSending();
for await (const message of receiver) console.log(message.join());
console.log(receiver.ended);

using latest = Latest.create({ byteLength: 4 });
latest.write(new Uint8Array([4, 3, 2, 1]));
console.log(latest.read().join());

export function refused(): void {
  // @ts-expect-error: the capacity is needed
  Channel.create({});
  // @ts-expect-error: messages are bytes
  sender.trySend("text");
}
