/**
 * Installs whom `deno task bench:peers` compares with, on Debian, as root: `deno run -A
 * bench/peers_setup.ts`. What cannot be had is named, and skipped there.
 */

const PACKAGES = [
  ...["cargo", "librust-memmap2-dev", "librust-memchr-dev", "gcc", "g++", "make", "python3"],
  ...["redis-server", "memcached"],
];
const MODULES = ["@riaskov/mmap-io", "bun", "lmdb"];

async function run(command: string, ...args: string[]): Promise<void> {
  console.log(command, ...args);
  const { success, stderr } = await new Deno.Command(command, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) console.error(new TextDecoder().decode(stderr).trim());
}

await run("apt-get", "update");
// One by one, so that one that is not there does not keep the others away.
for (const name of PACKAGES) {
  await run("apt-get", "install", "--yes", "--no-install-recommends", name);
}
const prefix = new URL("peers", import.meta.url).pathname;
// Together: npm removes what an earlier command has installed, if no file names it.
await run("npm", "install", "--no-save", "--no-package-lock", "--prefix", prefix, ...MODULES);
