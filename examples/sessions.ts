/**
 * A server whose Workers share the sessions of its users: a request may come to any of them. The
 * sessions are in a file, so they survive a restart of the server.
 *
 *     deno serve --parallel --allow-ffi examples/sessions.ts
 *
 *     curl -X POST "http://localhost:8000/login?user=Ada"       gives the id of a session
 *     curl -H "cookie: session=ID" http://localhost:8000/       counts the visits
 *     curl -X POST -H "cookie: session=ID" http://localhost:8000/logout
 */
import { json, SharedCache } from "@mmap/mmap/collections";

type Session = { user: string; visits: number };
const TTL = 30 * 60_000;

// Each Worker runs this module: the first one makes the file, the others find it.
const sessions = SharedCache.open<Session>("sessions.bin", {
  create: true,
  byteLength: SharedCache.byteLength({ entries: 10_000 }),
  codec: json,
  ttl: TTL,
});
const worker = crypto.randomUUID();

export default {
  fetch(request: Request): Response {
    const response = answer(request);
    response.headers.set("x-worker", worker); // to see that there are several
    return response;
  },
};

function answer(request: Request): Response {
  const { pathname, searchParams } = new URL(request.url);
  if (request.method === "POST" && pathname === "/login") {
    const id = crypto.randomUUID();
    // A store that is full throws, rather than log somebody out.
    const session = { user: searchParams.get("user") ?? "nobody", visits: 0 };
    sessions.set(id, session, { evict: false });
    const cookie = `session=${id}; HttpOnly; Secure; SameSite=Lax; Max-Age=${TTL / 1000}`;
    return new Response(id, { headers: { "set-cookie": cookie } });
  }
  const id = /(?:^|; )session=([\w-]+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? "";
  if (request.method === "POST" && pathname === "/logout") {
    sessions.delete(id);
    return new Response("bye\n");
  }
  // One step for all Workers, which also begins the lifetime anew.
  const session = sessions.update(id, (old) => old && { ...old, visits: old.visits + 1 });
  if (session === undefined) return new Response("log in first\n", { status: 401 });
  return new Response(`${session.user} ${session.visits}`);
}
