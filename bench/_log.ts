/** Text to search. */

import { MiB } from "./_work.ts";

/** Lines of a web server's log: 8 MiB of them, by chance, again and again. */
export function makeLog(path: string, byteLength: number): string {
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const pick = (words: string): string => words.split(" ")[random(words.split(" ").length)]!;
  const two = (below: number): string => `${random(below)}`.padStart(2, "0");
  const line = (): string =>
    `2024-05-${two(28)}T${two(24)}:${two(60)}:${two(60)}.${random(1000)}Z ` +
    `${pick("INFO WARN DEBUG ERROR")} [worker-${random(16)}] ${pick("GET POST")} ` +
    `${pick("/api/v1/users /index.html /static/app.js /login /health")} ` +
    `${pick("200 200 404 500")} ${random(900)}ms ` +
    Array.from(
      { length: 2 + random(7) },
      () => pick("request completed in time connection from user session cache miss hit database"),
    )
      .join(" ") +
    "\n";
  let text = "";
  while (text.length < 8 * MiB) text += line();
  const chunk = new TextEncoder().encode(text).subarray(0, 8 * MiB);
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (let done = 0; done < byteLength; done += chunk.length) file.writeSync(chunk);
  return path;
}
