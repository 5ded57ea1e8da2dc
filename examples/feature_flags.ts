/**
 * Turns a feature on for a process that is running, by flags in a file that both have mapped.
 *
 *     deno run --allow-ffi --allow-run --allow-read --allow-write examples/feature_flags.ts
 */
import { Flags } from "./flags.ts";

const dir = await Deno.makeTempDir();
const path = `${dir}/flags.bin`;
{
  using flags = new Flags(path);
  flags.set({ newCheckout: false, greeting: "Hello" });

  const shop = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve("./feature_flags_shop.ts"), path],
    stdout: "piped",
  }).spawn();
  const lines = shop.stdout.pipeThrough(new TextDecoderStream()).getReader();
  console.log(`before:     ${(await lines.read()).value!.trim()}`);
  flags.set({ ...flags.values, newCheckout: true });
  console.log(`turned on:  ${(await lines.read()).value!.trim()}`);
  flags.set({ newCheckout: false, greeting: "Welcome back", percent: 5 });
  console.log(`turned off: ${(await lines.read()).value!.trim()}`);
  flags.set({ stop: true });
  console.log(`the shop ended well: ${(await shop.status).success}`);
}
await Deno.remove(dir, { recursive: true });
