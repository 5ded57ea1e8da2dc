import { assertEquals } from "@std/assert";
import { type HostCall, serveHost } from "../../tools/windows/host.ts";

/** Shows its arguments and input, as there are no drives of Windows here. */
const ECHO = "console.log(...Deno.args, await new Response(Deno.stdin.readable).text())";

async function ask(url: string, args: string[], stdin = ""): Promise<Response> {
  const call: HostCall = { program: Deno.execPath(), args, stdin };
  return await fetch(url, { method: "POST", body: JSON.stringify(call) });
}

Deno.test("serveHost() runs programs with input, and translates paths", async () => {
  await using host = serveHost({ C: "/wine/drive_c", Z: "/wine" });
  const paths = [String.raw`C:\a b\c`, "-IZ:/src", "z:/x", "D:/x", "-o", "x=C:/y"];
  const answer = await ask(host.url, ["eval", ECHO, ...paths], "input");
  assertEquals(await answer.json(), {
    success: true,
    stdout: "/wine/drive_c/a b/c -I/wine/src z:/x D:/x -o x=C:/y input\n",
    stderr: "",
  });
  const failing = await ask(host.url, ["eval", `console.error("no"); Deno.exit(3)`]);
  assertEquals(await failing.json(), { success: false, stdout: "", stderr: "no\n" });
});

Deno.test("serveHost() runs nothing for who does not know its secret", async () => {
  await using host = serveHost({});
  const { origin } = new URL(host.url);
  const answer = await ask(`${origin}/`, ["--version"]);
  assertEquals([answer.status, await answer.text()], [404, ""]);
});
