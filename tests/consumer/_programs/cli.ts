import { main } from "@mmap/mmap/cli";

const code: number = await main(["no-such-command"]);
console.log(code, await main(["ls", "--no-such-option"]));

export function refused(): void {
  // @ts-expect-error: a list of arguments
  main("ls");
}
