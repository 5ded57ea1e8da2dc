/** A process of feature_flags.ts: does what the flags say, as soon as they say so. */
import { Flags } from "./flags.ts";

using flags = new Flags(Deno.args[0]!);
while (!flags.values.stop) {
  const changed = flags.changed(); // before it looks: no change goes unseen
  const { newCheckout, greeting } = flags.values;
  console.log(`${greeting}, this is the ${newCheckout ? "new" : "old"} checkout`);
  await changed;
}
