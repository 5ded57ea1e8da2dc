/** A handler that somebody else had installed before the guard goes on to get its faults. */

import { assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";
import { compileC, hasProgram } from "../_gcc.ts";

/** A handler that makes the one page usable that it knows of. */
const HANDLER = `
  #define _GNU_SOURCE
  #include <signal.h>
  #include <sys/mman.h>
  static char *page;
  static int calls, wrong;
  static void plain(int signal) {
    (void)signal;
    calls++;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
  }
  static void informed(int signal, siginfo_t *info, void *context) {
    if ((char *)info->si_addr != page + 5 || context == 0) wrong++;
    plain(signal);
  }
  char *protect(void) {
    return page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  int install(int is_plain) {
    struct sigaction action = { .sa_flags = SA_ONSTACK | (is_plain ? 0 : SA_SIGINFO) };
    if (is_plain) action.sa_handler = plain; else action.sa_sigaction = informed;
    return sigaction(SIGSEGV, &action, 0);
  }
  int count(void) { return calls + 1000 * wrong; }`;

for (const [name, isPlain] of [["with siginfo", 0], ["without siginfo", 1]]) {
  Deno.test({
    name: `the guard calls the handler that was there before it, ${name}`,
    ignore: ignore || !hasProgram("gcc"),
    fn: () =>
      withTempDir(async (dir) => {
        await compileC(HANDLER, { args: ["-shared", "-fPIC", "-o", `${dir}/handler.so`] });
        await assertLives(
          `
          const { protect, install, count } = Deno.dlopen(dir + "/handler.so", {
            protect: { parameters: [], result: "pointer" },
            install: { parameters: ["i32"], result: "i32" },
            count: { parameters: [], result: "i32" },
          }).symbols;
          assertEquals(install(${isPlain}), 0);
          const path = makeFile(8 * PAGE);
          using region = MmapRegion.open(path);
          truncate(path, 0);
          assertEquals([region.bytes[0], region.faults, count()], [0, 1, 0]);
          for (let i = 1; i <= 3; i++) {
            const at = Deno.UnsafePointer.offset(protect(), 5);
            assertEquals(new Deno.UnsafePointerView(at).getUint8(), 0);
            assertEquals(count(), i);
            assertEquals([region.bytes[i * PAGE], region.faults], [0, 1 + i]);
          }`,
          { args: [dir] },
        );
      }),
  });
}
