/** Small file systems that a test fills: only root may mount them. */

import { withTempDir } from "./_files.ts";

/** A way to a file system of its own. */
export interface SmallDisk {
  readonly name: string;
  /** Why there is none here; undefined if there is. */
  readonly missing: string | undefined;
  /** Runs `body` with the directory where it is mounted, and takes it away afterwards. */
  with(body: (dir: string) => void | Promise<void>): Promise<void>;
}

async function run(command: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(command, { args }).output();
    return success ? undefined : `${command}: ${new TextDecoder().decode(stderr).trim()}`;
  } catch (error) {
    return String(error);
  }
}

/** Mounts in a fresh directory. @returns why not, or undefined */
async function mounted(
  how: (root: string, point: string) => Promise<string | undefined>,
  body: (dir: string) => void | Promise<void>,
): Promise<string | undefined> {
  let failure: string | undefined;
  await withTempDir(async (root) => {
    const point = `${root}/mounted`;
    await Deno.mkdir(point);
    failure = await how(root, point);
    if (failure !== undefined) return;
    let left: string | undefined;
    try {
      await body(point);
    } finally {
      left = await run("umount", point);
    }
    if (left !== undefined) throw new Error(left);
  });
  return failure;
}

async function smallDisk(
  name: string,
  how: (root: string, point: string) => Promise<string | undefined>,
): Promise<SmallDisk> {
  const missing = await mounted(how, () => {});
  return {
    name,
    missing,
    with: async (body) => {
      const failure = await mounted(how, body);
      if (failure !== undefined) throw new Error(failure);
    },
  };
}

async function mountImage(
  root: string,
  point: string,
  ...options: string[]
): Promise<string | undefined> {
  const image = `${root}/image`;
  await Deno.create(image).then((file) => file.close());
  await Deno.truncate(image, 2 * 2 ** 20);
  return await run("mke2fs", "-q", "-O", "^has_journal", "-m", "0", ...options, image) ??
    await run("mount", "-o", "loop", image, point);
}

/** Windows mounts none of Linux's. */
const NONE: SmallDisk = {
  name: "no small disk",
  missing: "Windows mounts none",
  with: () => Promise.reject(new Error("There is no small disk")),
};

/**
 * A tmpfs of 1 MiB, ext4 images of 2 MiB with blocks of a page and of a quarter of one, and an ext2
 * image, which cannot reserve blocks.
 */
export const SMALL_DISKS: readonly SmallDisk[] = Deno.build.os === "windows" ? [NONE] : [
  await smallDisk(
    "tmpfs",
    (_, point) => run("mount", "-t", "tmpfs", "-o", "size=1m", "none", point),
  ),
  await smallDisk("ext4", (root, point) => mountImage(root, point, "-t", "ext4", "-b", "4096")),
  await smallDisk(
    "ext4 with small blocks",
    (root, point) => mountImage(root, point, "-t", "ext4", "-b", "1024"),
  ),
  await smallDisk("ext2", (root, point) => mountImage(root, point, "-t", "ext2", "-b", "4096")),
];
