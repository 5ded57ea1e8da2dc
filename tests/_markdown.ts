/** What the project's Markdown files hold: code blocks, links, headings, names of code. */

import { dirname, fromFileUrl, join } from "@std/path";

export const ROOT: string = fromFileUrl(new URL("../", import.meta.url));

/** A Markdown file. */
export interface Page {
  /** Relative to the root of the project. */
  readonly path: string;
  readonly blocks: readonly Block[];
  /** The text without code blocks. */
  readonly prose: string;
}

/** A fenced block of code. */
export interface Block {
  /** What stands behind the fence, such as "ts ignore". */
  readonly info: string;
  readonly text: string;
  /** The heading that it stands under. */
  readonly section: string;
  /** The number of the line of its fence. */
  readonly line: number;
}

/** The pages of a folder of the project, "." for its root. */
export function pagesOf(folder: string): Page[] {
  return [...Deno.readDirSync(join(ROOT, folder))]
    .filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => readPage(folder === "." ? name : `${folder}/${name}`))
    .sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Reads one page. */
export function readPage(path: string): Page {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let section = "";
  let open: { info: string; line: number; lines: string[] } | undefined;
  Deno.readTextFileSync(join(ROOT, path)).split("\n").forEach((line, index) => {
    if (open === undefined && line.startsWith("```")) {
      open = { info: line.slice(3).trim(), line: index + 1, lines: [] };
    } else if (open !== undefined && line === "```") {
      blocks.push({ info: open.info, text: open.lines.join("\n"), section, line: open.line });
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line);
    } else {
      section = /^#+ (.*)$/.exec(line)?.[1] ?? section;
      prose.push(line);
    }
  });
  return { path, blocks, prose: prose.join("\n") };
}

/** The links of a page that lead to nothing, in the project. */
export function brokenLinks({ path, prose }: Page): string[] {
  const links = [...prose.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1]!);
  return links.filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(link, path))
    .map((link) => `${path}: ${link}`);
}

function leadsSomewhere(link: string, from: string): boolean {
  const [file, anchor] = link.split("#") as [string, string | undefined];
  const target = file === "" ? from : join(dirname(from), file);
  try {
    Deno.statSync(join(ROOT, target));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  return anchor === undefined || anchorsOf(readPage(target)).includes(anchor);
}

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf({ prose }: Page): string[] {
  return [...prose.matchAll(/^#+ (.*)$/gm)]
    .map(([, heading]) => heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, ""))
    .map((heading) => heading.replaceAll(" ", "-"));
}
