// Loads an entry point in another runtime, and prints what its first calls say.
const [, , root, entry] = process.argv;

/** By what an entry point exports. */
const CALLS = {
  MmapRegion: [
    ({ MmapRegion }) => MmapRegion.open("data.bin"),
    ({ MmapRegion }) => MmapRegion.anonymous(4096),
    ({ MmapRegion }) => MmapRegion.named("data", { create: true, byteLength: 4096 }),
    ({ MmapRegion }) => MmapRegion.fromEnv(),
    ({ MmapRegion }) => MmapRegion.list(),
    ({ followLines }) => followLines("data.log").next(),
  ],
  Channel: [
    ({ Channel }) => Channel.create({ capacity: 4096 }),
    ({ Channel }) => Channel.create({ capacity: 4096, path: "channel" }),
    ({ Broadcast }) => Broadcast.fromEnv(),
    ({ Latest }) => Latest.create({ byteLength: 8 }),
    ({ serve }) => serve({}, (request) => request),
    ({ Client }) => Client.fromEnv(),
  ],
  SharedMap: [
    ({ AppendLog }) => AppendLog.open("log", { create: true }),
    ({ SharedMap }) => SharedMap.open("map", { create: true }),
    ({ SharedCache }) => SharedCache.open("cache", { create: true, byteLength: 65536 }),
  ],
  Mutex: [
    ({ Mutex }) => new Mutex(new SharedArrayBuffer(64)).lockSync(),
    ({ Mutex, layOut }) => layOut({ mutex: Mutex }).create(),
  ],
  mmap: [({ mmap }) => mmap(null, 4096, 3, 34, -1, 0), ({ open }) => open("data.bin", 0)],
};

const module = await import(root + entry);
const calls = Object.entries(CALLS).find(([name]) => name in module)?.[1] ?? [];
console.log(Object.keys(module).length > 0 ? "loaded" : "empty");
for (const call of calls) {
  try {
    console.log("nothing", await call(module));
  } catch (error) {
    console.log(String(error));
  }
}
