/** Handles of memory without a path, whose maker is elsewhere: NotFound only where it is gone. */

import { assertEquals } from "@std/assert";
import { SPACES } from "./_spaces.ts";
import { withPeers } from "./_things.ts";

const OTHER_PIDS = /another PID|nested PID/;
const NO_LOOK = /without \/proc|another user/;

/** What becomes of attaching, by the space of the maker and of who attaches. */
function expected(maker: string, attacher: string, lives: boolean): string {
  // The outer /proc counts as the outer namespace does.
  const sees = !OTHER_PIDS.test(attacher) || /outer/.test(attacher);
  if (!OTHER_PIDS.test(maker) && lives && sees && !NO_LOOK.test(attacher)) return "attached";
  if (/without/.test(attacher) || OTHER_PIDS.test(maker) || OTHER_PIDS.test(attacher)) {
    return "NotSupported";
  }
  if (!lives) return "NotFound";
  return "PermissionDenied";
}

for (const maker of SPACES.filter(({ name }) => !NO_LOOK.test(name))) {
  Deno.test(`a handle made in ${maker.name} is NotFound only once its maker is gone`, () =>
    withPeers(async ([owner, ...others]) => {
      const handle = await owner!.ask("offer");
      const look = async (lives: boolean) => {
        for (const other of others) {
          const { name } = other.space;
          // Its parent was killed: until it is waited for, it is there, and hidden.
          if (!lives && /time/.test(maker.name) && /user/.test(name)) continue;
          const result = await other.ask(`attach ${handle}`);
          assertEquals([name, result], [name, expected(maker.name, name, lives)]);
        }
      };
      await look(true);
      await owner!.kill();
      await look(false);
    }, [maker, ...SPACES]));
}
