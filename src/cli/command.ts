/** Commands, the reading of their arguments, and their help. */

import { parseArgs } from "node:util";

/** Invalid arguments: the exit code is 2. */
export class UsageError extends Error {
  /** @param help the command line that shows the help */
  constructor(message: string, help: string) {
    super(`${message}: see '${help}'`);
    this.name = "UsageError";
  }
}

/** An option of a command. */
interface Option {
  /** The name of its value in the help; without it, the option takes no value. */
  readonly value?: string;
  /** What it does, for the help. */
  readonly help: string;
}

/** A command of the program. */
export interface Command {
  /** As it is typed. */
  readonly name: string;
  /** Other names of it, which the help does not list. */
  readonly aliases?: readonly string[];
  /** Its operands in the help. */
  readonly operands: "" | "TARGET" | "PID" | "NAME...";
  /** What it does, in one line. */
  readonly summary: string;
  /** Further lines of the help. */
  readonly details?: string;
  /** Its options, besides those that every command has. */
  readonly options?: Readonly<Record<string, Option>>;
  /** Runs the command. @returns the exit code */
  run(input: Input): Promise<number>;
}

/** A command's arguments, read. */
export interface Input {
  /** The arguments that are not options: as many as the command takes. */
  readonly operands: readonly string[];
  /** The values of the options that were given. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** Whether to print JSON. */
  readonly json: boolean;
  /** Whether to print the help instead of doing anything. */
  readonly help: boolean;
  /** Makes the error for an invalid value. */
  usageError(message: string): UsageError;
}

const COMMON: Readonly<Record<string, Option>> = {
  json: { help: "print JSON" },
  help: { help: "print this" },
};

/** @throws {UsageError} If the command does not take these arguments. */
export function readInput(command: Command, args: readonly string[]): Input {
  const usageError = (message: string) => new UsageError(message, `mmap ${command.name} --help`);
  const { values, positionals } = (() => {
    try {
      return parseArgs({
        args: [...args],
        options: parserOptions(command),
        allowPositionals: true,
      });
    } catch (error) {
      throw usageError(error instanceof Error ? withoutPeriod(error.message) : String(error));
    }
  })();
  const { json, help } = values;
  const input = { values, operands: positionals, json: json === true, help: help === true };
  if (!input.help) checkOperands(command, positionals, usageError);
  return { ...input, usageError };
}

function parserOptions(
  { options = {} }: Command,
): Record<string, { type: "string" | "boolean" }> {
  const all = Object.entries({ ...options, ...COMMON });
  return Object.fromEntries(
    all.map(([name, { value }]) => [name, { type: value === undefined ? "boolean" : "string" }]),
  );
}

/** The first sentence: what follows is advice about quoting, over several lines. */
function withoutPeriod(message: string): string {
  return message.split(/\.(?:\s|$)/)[0]!;
}

function checkOperands(
  { operands }: Command,
  given: readonly string[],
  usageError: Input["usageError"],
): void {
  const most = operands === "" ? 0 : operands === "NAME..." ? Infinity : 1;
  if (given.length > most) throw usageError(`Unexpected argument '${given[most]}'`);
  if (operands !== "" && given.length === 0) {
    throw usageError(`Missing ${operands.replace("...", "")}`);
  }
}

/** The help of one command. */
export function helpOf(
  { name, aliases, operands, summary, details, options = {} }: Command,
): string {
  const head = ["mmap", name, operands, "[OPTIONS]"].filter((word) => word !== "").join(" ");
  const lines = Object.entries({ ...options, ...COMMON }).map(
    ([option, { value, help }]): [string, string] => [
      `--${option}${value === undefined ? "" : ` ${value}`}`,
      help,
    ],
  );
  const paragraphs = [
    `Usage: ${head}`,
    sentence(summary),
    ...(details === undefined ? [] : [details]),
    ...(aliases === undefined ? [] : [`Also: mmap ${aliases.join(", ")}`]),
    ...(operands === "TARGET" ? [TARGET_HELP] : []),
    `Options:\n${columns(lines)}`,
  ];
  return paragraphs.join("\n\n") + "\n";
}

function sentence(summary: string): string {
  return `${summary[0]!.toUpperCase()}${summary.slice(1)}.`;
}

const TARGET_HELP =
  "TARGET is the path of a file, shm:NAME for named shared memory, or a handle\n" +
  "(mmap:...). A file whose name begins so is given as ./shm:NAME.";

/** The help of the program. */
export function generalHelp(commands: readonly Command[]): string {
  const lines = commands.map((command): [string, string] => [
    `${command.name} ${command.operands}`,
    command.summary,
  ]);
  return [
    "Usage: mmap COMMAND [OPTIONS]",
    "Looks at mapped files and shared memory, and clears up what dead processes left behind.",
    `Commands:\n${columns(lines)}`,
    TARGET_HELP,
    "Every command takes --json and --help. Exit codes: 0 done, 1 failed, 2 wrong arguments,\n3 something is wrong with what `inspect --check` looked at.",
  ].join("\n\n") + "\n";
}

function columns(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
