/**
 * Runs programs of Linux for the tests that run under Wine: what has no Windows of its own, as C
 * compilers for Windows and mounts. `tests/_host.ts` asks for it.
 */

/** Where tests ask, which only they know: the programs run as root. */
export interface Host extends AsyncDisposable {
  readonly url: string;
}

/** What a test asks for. Paths of Windows among the arguments become those of this system. */
export interface HostCall {
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin: string;
}

/** How a program ended. */
export interface HostResult {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param drives the folders of this system behind the drives of Windows, by their letters */
export function serveHost(drives: Readonly<Record<string, string>>): Host {
  const path = `/${crypto.randomUUID()}`;
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(options, async (request) => {
    if (new URL(request.url).pathname !== path) return new Response(null, { status: 404 });
    return Response.json(await resultOf(await request.json(), drives));
  });
  const url = `http://127.0.0.1:${server.addr.port}${path}`;
  return { url, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** As of one that fails if there is no such program. */
async function resultOf(
  call: HostCall,
  drives: Readonly<Record<string, string>>,
): Promise<HostResult> {
  try {
    return await run(call, drives);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { success: false, stdout: "", stderr: error.message };
  }
}

async function run(call: HostCall, drives: Readonly<Record<string, string>>): Promise<HostResult> {
  const args = call.args.map((arg) => translated(arg, drives));
  const child = new Deno.Command(call.program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(call.stdin)).then(() => writer.close(), () => {});
  const { success, stdout, stderr } = await output;
  const text = new TextDecoder();
  return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** `C:\folder\file`, also behind an option as `-I`, as a path of this system. */
function translated(arg: string, drives: Readonly<Record<string, string>>): string {
  const found = /^(-[A-Za-z])?([A-Z]):[\\/](.*)$/s.exec(arg);
  const folder = drives[found?.[2] ?? ""];
  if (found === null || folder === undefined) return arg;
  return `${found[1] ?? ""}${folder}/${found[3]!.replaceAll("\\", "/")}`;
}
