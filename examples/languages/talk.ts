/**
 * Shares memory with a program in another language, both ways and by every way that it knows:
 *
 *     deno run --allow-ffi --allow-run --allow-read --allow-write examples/languages/talk.ts WAYS COMMAND...
 *
 * Such as `talk.ts file,named,descriptor python3 examples/languages/peer.py`.
 */
import {
  answer,
  answered,
  attach,
  create,
  greet,
  greeting,
  linesOf,
  type Way,
  whereabouts,
} from "./_share.ts";

const [ways, program, ...args] = Deno.args as [string, string, ...string[]];
const directory = await Deno.makeTempDir();
try {
  for (const way of ways.split(",") as Way[]) {
    await give(
      way,
      way === "file" ? `${directory}/given` : `talk-${crypto.randomUUID().slice(0, 18)}`,
    );
    await take(
      way,
      way === "file" ? `${directory}/taken` : `talk-${crypto.randomUUID().slice(0, 18)}`,
    );
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}

/** Makes memory, and lets the program use it. */
async function give(way: Way, where: string): Promise<void> {
  using region = create(way, where);
  greet(region, "made by Deno");
  const { stdout, success } = await new Deno.Command(program, {
    args: [...args, "attach", way, whereabouts(region, way, where)],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("The program failed");
  const seen = new TextDecoder().decode(stdout).trimEnd();
  console.log(`${way}: the program reads "${seen}", Deno reads "${answered(region)}"`);
}

/** Lets the program make memory, and uses it. */
async function take(way: Way, where: string): Promise<void> {
  const process = new Deno.Command(program, {
    args: [...args, "create", way, where],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = linesOf(process.stdout).getReader();
  const input = process.stdin.getWriter();
  const { value: place } = await lines.read();
  {
    using region = attach(way, place!);
    console.log(`${way}: Deno reads "${greeting(region)}"`);
    answer(region, "used by Deno");
  }
  await input.write(new TextEncoder().encode("\n"));
  const { value: seen } = await lines.read();
  console.log(`${way}: the program reads "${seen}"`);
  await input.close();
  await process.status;
  await lines.cancel();
}
