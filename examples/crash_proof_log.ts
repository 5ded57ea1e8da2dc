/**
 * A process appends to a log until it is killed. Every record that it has reported is there, whole,
 * and the next writer continues after it.
 *
 *     deno run --allow-ffi --allow-run --allow-write --allow-read examples/crash_proof_log.ts
 */
import { AppendLog } from "@mmap/mmap/collections";

const dir = await Deno.makeTempDir();
const path = `${dir}/events.log`;

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-ffi", import.meta.resolve("./crash_proof_log_child.ts"), path],
  stdout: "piped",
}).spawn();
const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
const said = (await lines.read()).value!.trim();
console.log(`the writer says: ${said}`);
child.kill("SIGKILL"); // in the middle of the next records
await lines.cancel();
console.log(`it was killed: ${(await child.status).signal}`);

{
  using log = AppendLog.open(path, { access: "read-write" }); // there is no other writer now
  const records = [...log].map(({ record }) => new TextDecoder().decode(record));
  const inOrder = records.every((record, i) => record === `event ${i}`);
  console.log(`at least 1000 records: ${records.length >= 1000}, in order and whole: ${inOrder}`);
  const position = log.append(new TextEncoder().encode("the next writer was here"));
  log.commit({ durability: "disk" }); // from here on, it survives a crash of the machine
  console.log(`appended: ${new TextDecoder().decode(log.read(position))}`);
}
await Deno.remove(dir, { recursive: true });
