// Loads the entry points in another runtime, and prints what each says.
const [, , root, ...entries] = process.argv;
for (const entry of entries) {
  const { error, done } = await import(root + entry).then(
    (module) => ({ done: Object.keys(module).length > 0 }),
    (error) => ({ error }),
  );
  console.log(done ? "loaded" : String(error));
}
