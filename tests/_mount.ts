/** Small file systems that a test fills: only root may mount them. Under Wine, the Linux below does. */

import { join } from "@std/path";
import { withTempDir } from "./_files.ts";
import { HAS_HOST, runLinux } from "./_host.ts";

/** A way to a file system of its own. */
export interface SmallDisk {
  readonly name: string;
  /** Why there is none here; undefined if there is. */
  readonly missing: string | undefined;
  /** Runs `body` with the directory where it is mounted, and takes it away afterwards. */
  with(body: (dir: string) => void | Promise<void>): Promise<void>;
}

async function run(command: string, ...args: string[]): Promise<string | undefined> {
  const { success, stderr } = await runLinux(command, args);
  return success ? undefined : `${command}: ${stderr.trim()}`;
}

/** Mounts in a fresh directory. @returns why not, or undefined */
async function mounted(
  how: (root: string, point: string) => Promise<string | undefined>,
  body: (dir: string) => void | Promise<void>,
): Promise<string | undefined> {
  let failure: string | undefined;
  await withTempDir(async (root) => {
    const point = join(root, "mounted");
    await Deno.mkdir(point);
    failure = await how(root, point);
    if (failure !== undefined) return;
    let left: string | undefined;
    try {
      await body(point);
    } finally {
      left = await run("umount", point);
      // Or what is mounted would be removed with the directory, file by file.
      if (left !== undefined) await run("umount", "--lazy", point);
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
  const image = join(root, "image");
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
export const SMALL_DISKS: readonly SmallDisk[] = Deno.build.os === "windows" && !HAS_HOST
  ? [NONE]
  : [
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
