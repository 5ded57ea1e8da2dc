/** What `deno doc` says of the package. */

import { PACKAGE, ROOT } from "./_package.ts";

/** A parameter or type, as far as the tests look at it. */
type Node = Readonly<Record<string, unknown>>;

/** A method, a constructor or a function. */
export interface DocumentedCall {
  readonly name: string;
  readonly isStatic: boolean;
  readonly params: readonly Node[];
  /** What its documentation says; undefined without one. */
  readonly text: string | undefined;
}

/** An exported name. */
export interface DocumentedSymbol {
  readonly name: string;
  readonly kind: string;
  readonly constructors: readonly (Node & { readonly accessibility?: string })[];
  /** Methods, getters and properties; a function's one call. */
  readonly calls: readonly DocumentedCall[];
}

interface Member {
  readonly name: string;
  readonly isStatic?: boolean;
  readonly jsDoc?: { readonly doc?: string };
  readonly params?: readonly Node[];
  readonly functionDef?: { readonly params: readonly Node[] };
}

interface Declaration {
  readonly kind: string;
  readonly jsDoc?: { readonly doc?: string };
  readonly def?: {
    readonly constructors?: readonly Node[];
    readonly methods?: readonly Member[];
    readonly properties?: readonly Member[];
    readonly params?: readonly Node[];
  };
}

interface Documentation {
  readonly nodes: Readonly<
    Record<string, { readonly symbols: readonly { name: string; declarations: Declaration[] }[] }>
  >;
}

function callOf({ name, isStatic = false, jsDoc, params, functionDef }: Member): DocumentedCall {
  return { name, isStatic, params: functionDef?.params ?? params ?? [], text: jsDoc?.doc };
}

function symbolOf(name: string, { kind, jsDoc, def = {} }: Declaration): DocumentedSymbol {
  const { constructors = [], methods = [], properties = [], params = [] } = def;
  const own: Member[] = kind === "function" ? [{ name, params, ...(jsDoc && { jsDoc }) }] : [];
  return { name, kind, constructors, calls: [...own, ...methods, ...properties].map(callOf) };
}

/** What users of an entry point, such as "./sync", read of it. */
export async function documentationOf(entry: string): Promise<DocumentedSymbol[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", PACKAGE.exports[entry]!],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(decoder.decode(stderr));
  const { nodes }: Documentation = JSON.parse(decoder.decode(stdout));
  return Object.values(nodes).flatMap(({ symbols }) =>
    symbols.flatMap(({ name, declarations }) =>
      declarations.map((declaration) => symbolOf(name, declaration))
    )
  );
}

/** The members of the classes of an entry point, such as "Mutex.lock". */
export async function membersOf(entry: string): Promise<string[]> {
  const classes = (await documentationOf(entry)).filter(({ kind }) => kind === "class");
  return classes.flatMap(({ name, calls }) =>
    calls.filter(({ isStatic }) => !isStatic).map((call) => `${name}.${call.name}`)
  );
}
