/** A process that appends `Deno.args[1]` numbered records to the file `Deno.args[0]`, one by one. */

const [path, count] = Deno.args.map((arg) => JSON.parse(arg));
{
  using file = Deno.openSync(path, { append: true });
  const encoder = new TextEncoder();
  for (let i = 0; i < count; i++) file.writeSync(encoder.encode(`<${i}>`));
}
console.log("done");
