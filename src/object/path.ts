/** Paths as callers give them. */

import { system } from "../os/mod.ts";

/**
 * The path as a string.
 *
 * @throws {TypeError} If it is neither a string nor a local file URL, or contains a NUL.
 */
export function pathOf(path: string | URL): string {
  const text = path instanceof URL ? fromFileUrl(path) : path;
  if (typeof text !== "string") {
    throw new TypeError(`Cannot open file as the path must be a string or a URL`);
  }
  if (text.includes("\0")) {
    throw new TypeError(`Cannot open file as its path contains a NUL: received "${text}"`);
  }
  return text;
}

/** The same as in Deno: a percent sign that begins no escape sequence stands for itself. */
function fromFileUrl(url: URL): string {
  if (url.protocol !== "file:") {
    throw new TypeError(`Cannot open file as the URL must be a file URL: received "${url}"`);
  }
  if (url.hostname !== "") {
    throw new TypeError(`Cannot open file as the URL must have no host: received "${url}"`);
  }
  const path = decodeURIComponent(url.pathname.replace(/%(?![0-9A-Fa-f]{2})/g, "%25"));
  return system().objects.pathOfUrl?.(path) ?? path;
}
