/**
 * Makes the documentation as a web site: what `deno doc --html` makes, with the README and all entry
 * points on its first page, the guides, and each import under the name that a program imports it by.
 * What it needs for Markdown, nothing else does, so it has a configuration of its own: `deno task doc`.
 */

import { Marked } from "marked";
import { gfmHeadingId } from "marked-gfm-heading-id";

const ROOT = new URL("../../", import.meta.url);
/** Paths, since the names of symbols have characters that mean something in URLs. */
const SITE = `${ROOT.pathname}site`;

interface Configuration {
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
}

const { name, exports }: Configuration = JSON.parse(read("deno.json"));

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

function write(path: string, text: string): void {
  const file = `${SITE}/${path}`;
  Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(file, text);
}

function filesUnder(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesUnder(`${directory}/${name}`) : [`${directory}/${name}`]
  );
}

function documentSymbols(): void {
  const entryPoints = Object.values(exports).map((path) => path.slice(2));
  const { success } = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--html", `--name=${name}`, "--output=site", ...entryPoints],
    cwd: ROOT,
    stdout: "inherit",
    stderr: "inherit",
  }).outputSync();
  if (!success) throw new Error("deno doc has failed");
}

/** What a program writes to import an entry point, such as "./sync". */
function specifierOf(entryPoint: string): string {
  return name + entryPoint.slice(1);
}

/** For the width of a phone: text ends with the screen, and the field for searching shrinks. */
const STYLE = "<style>main { min-width: 0; max-width: calc(100vw - 2.5rem) } " +
  "#topnav { max-width: calc(100vw - 1rem) } #topnav a { white-space: nowrap } " +
  "#topnav .gap-2 { min-width: 0 } " +
  "#searchbar { box-sizing: border-box; min-width: 0; flex: 1 }</style>";

/** `deno doc` shows the names of entry points without the package's. */
function mendPages(): void {
  const files = filesUnder(SITE).filter((path) => path.endsWith(".html"));
  for (const file of files) {
    let text = Deno.readTextFileSync(file);
    for (const entryPoint of Object.keys(exports)) {
      const shown = entryPoint === "." ? "." : entryPoint.slice(2);
      text = text.replaceAll(
        `from &quot;${shown}&quot;`,
        `from &quot;${specifierOf(entryPoint)}&quot;`,
      );
    }
    Deno.writeTextFileSync(file, text.replace("</head>", `${STYLE}</head>`));
  }
}

/** Links to pages of this site where there are such, to the source otherwise. */
function linkFrom(page: string, href: string): string {
  if (/^[a-z]+:/.test(href) || href.startsWith("#")) return href;
  const [path, anchor] = href.split("#") as [string, string | undefined];
  const target = new URL(path, new URL(page, ROOT)).pathname.slice(ROOT.pathname.length);
  const up = "../".repeat(page.split("/").length - 1);
  const hash = anchor === undefined ? "" : `#${anchor}`;
  if (target === "README.md") return `${up}index.html${hash}`;
  if (PAGES.includes(target)) return up + htmlOf(target) + hash;
  if (target.endsWith(".svg")) return up + target;
  return `https://jsr.io/${name}/latest/${target}`;
}

function htmlOf(page: string): string {
  return page.replace(/\.md$/, ".html");
}

const PAGES = [
  ...["SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md"],
  ...[...Deno.readDirSync(new URL("docs/", ROOT))]
    .filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => `docs/${name}`),
  "docs/peers/peers.md",
];

function render(page: string): string {
  const marked = new Marked(gfmHeadingId(), {
    walkTokens(token) {
      if (token.type === "link" || token.type === "image") token.href = linkFrom(page, token.href);
    },
  });
  // Tables that are wider than a phone scroll by themselves.
  return (marked.parse(read(page)) as string)
    .replaceAll("<table>", '<div style="overflow-x: auto"><table>')
    .replaceAll("</table>", "</table></div>");
}

const MAIN = /<main>[\s\S]*<\/main>/;
const TOC = /<div class="toc">[\s\S]*?<\/nav><\/div>\s*<\/div>/;

/** A page with the frame of the site's first one. */
function pageOf(frame: string, page: string): string {
  const up = "../".repeat(page.split("/").length - 1);
  return frame.replace(
    MAIN,
    () => `<main><div class="markdown">${render(page)}</div></main>`,
  )
    .replace(TOC, "")
    .replaceAll(
      /(href|src)="(?!https?:|#)([^"]*)"/g,
      (all, attribute, path) => all.includes("markdown") ? all : `${attribute}="${up}${path}"`,
    );
}

function listEntryPoints(): string {
  const rows = Object.keys(exports).map((entryPoint) => {
    const page = entryPoint === "." ? "all_symbols.html" : `${entryPoint.slice(2)}/index.html`;
    return `<li><a href="${page}"><code>import … from "${specifierOf(entryPoint)}"</code></a></li>`;
  });
  return `<h2 id="entry-points">Entry points</h2><ul>${rows.join("")}` +
    `<li><a href="docs/README.html">Guides</a></li></ul>`;
}

documentSymbols();
mendPages();
const frame = Deno.readTextFileSync(`${SITE}/index.html`);
for (const page of PAGES) write(htmlOf(page), pageOf(frame, page));
// Before the first heading below the title.
const readme = render("README.md").replace("<h2", () => `${listEntryPoints()}<h2`);
const first = `<main><div class="markdown">${readme}</div></main>`;
write("index.html", frame.replace(MAIN, () => first));
for (const picture of ["files.svg", "messages.svg"]) {
  write(`docs/peers/${picture}`, read(`docs/peers/${picture}`));
}
