/**
 * A process that holds a lease (fcntl F_SETLEASE) on the file `Deno.args[0]`: says "held", then
 * "asked" once somebody wants to open the file, and gives the lease back at the next line of input.
 */

const { symbols: { open, fcntl } } = Deno.dlopen("libc.so.6", {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i64"], result: "i32" },
});
const F_SETLEASE = 1024;
const F_WRLCK = 1n;
const F_UNLCK = 2n;
const O_RDWR = 2;

const asked = Promise.withResolvers<void>();
Deno.addSignalListener("SIGIO", () => asked.resolve());
const fd = open(new TextEncoder().encode(JSON.parse(Deno.args[0]!) + "\0"), O_RDWR);
if (fcntl(fd, F_SETLEASE, F_WRLCK) !== 0) throw new Error("There is no lease to be had");
console.log("held");
await asked.promise;
console.log("asked");
await Deno.stdin.read(new Uint8Array(100));
fcntl(fd, F_SETLEASE, F_UNLCK);
Deno.exit();
