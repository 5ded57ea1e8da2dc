/** The maps of maps.mjs: each opens one, and gives `get`, `set` and `close`. */
// deno-lint-ignore-file explicit-function-return-type -- JavaScript has no types

/** A server on a Unix socket that answers each request in turn. */
async function connect(path, isWhole) {
  const socket = await Deno.connect({ transport: "unix", path });
  const buffer = new Uint8Array(4096);
  return {
    async ask(request) {
      await socket.write(request);
      let length = 0;
      do length += await socket.read(buffer.subarray(length)); while (!isWhole(buffer, length));
      return buffer.subarray(0, length);
    },
    close: () => socket.close(),
  };
}

const text = new TextEncoder();
const [LINE, DOLLAR, V] = text.encode("\n$V");

/** A request: text, and bytes. */
function request(...parts) {
  const all = parts.map((part) => typeof part === "string" ? text.encode(part) : part);
  const bytes = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const SIDES = {
  async "SharedMap"(dir, { entries, valueByteLength }) {
    const { SharedMap } = await import("../../src/collections/mod.ts");
    const options = { capacity: entries, maxKeyByteLength: 16, valueByteLength };
    const map = SharedMap.open(`${dir}/map`, { ...options, create: true, pooled: true });
    return map;
  },

  /** Of one process alone: the copy is what makes it comparable. */
  "Map"() {
    const map = new Map();
    return {
      get: (key) => map.get(key).slice(),
      set: (key, value) => void map.set(key, value.slice()),
      close() {},
    };
  },

  async "lmdb"(dir) {
    const { open } = await import("lmdb");
    const store = open({ path: `${dir}/lmdb`, encoding: "binary", noSync: true });
    return {
      get: (key) => store.getBinary(key),
      set: (key, value) => void store.putSync(key, value),
      close: () => store.close(),
    };
  },

  async "sqlite"(dir) {
    const { DatabaseSync } = await import("node:sqlite");
    const store = new DatabaseSync(`${dir}/sqlite`);
    store.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;");
    store.exec("CREATE TABLE map (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
    const get = store.prepare("SELECT value FROM map WHERE key = ?");
    const set = store.prepare("INSERT OR REPLACE INTO map VALUES (?, ?)");
    return {
      get: (key) => get.get(key).value,
      set: (key, value) => void set.run(key, value),
      close: () => store.close(),
    };
  },

  async "Deno KV"(dir) {
    const store = await Deno.openKv(`${dir}/kv`);
    return {
      awaited: true,
      get: async (key) => (await store.get([key])).value,
      set: (key, value) => store.set([key], value),
      close: () => store.close(),
    };
  },

  async "Redis"(path) {
    const server = await connect(path, (buffer, length) => {
      if (buffer[0] !== DOLLAR) return buffer[length - 1] === LINE;
      const head = buffer.indexOf(LINE) + 1;
      return head > 0 && length >= head + parseInt(firstLine(buffer, head)) + 2;
    });
    return {
      awaited: true,
      async get(key) {
        const answer = await server.ask(request(`*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`));
        return answer.slice(answer.indexOf(LINE) + 1, -2);
      },
      set: (key, value) =>
        server.ask(request(
          `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n`,
          value,
          "\r\n",
        )),
      close: () => server.close(),
    };
  },

  async "memcached"(path) {
    const END = text.encode("END\r\n");
    const server = await connect(path, (buffer, length) => {
      if (buffer[0] !== V) return buffer[length - 1] === LINE;
      return END.every((byte, i) => buffer[length - END.length + i] === byte);
    });
    return {
      awaited: true,
      async get(key) {
        const answer = await server.ask(request(`get ${key}\r\n`));
        return answer.slice(answer.indexOf(LINE) + 1, -7);
      },
      set: (key, value) => server.ask(request(`set ${key} 0 0 ${value.length}\r\n`, value, "\r\n")),
      close: () => server.close(),
    };
  },
};

/** The length that the first line of an answer of Redis tells. */
function firstLine(buffer, head) {
  return String.fromCharCode(...buffer.subarray(1, head - 2));
}
