/** Which bytes a request asks for: RFC 9110, section 14. */

/** A part of the file; "all" of it; or "none" of what was asked for is there. */
export type Wanted = { byteOffset: number; byteLength: number } | "all" | "none";

/** @param etag what the file is now: a part of another one is of no use to the client */
export function wantedBytes(request: Request, length: number, etag: string): Wanted {
  const ifRange = request.headers.get("if-range");
  if (request.method !== "GET" || (ifRange !== null && ifRange !== etag)) return "all";
  // A server may ignore what it does not know: other units, and several ranges at once.
  const range = /^bytes=(\d*)-(\d*)$/i.exec(request.headers.get("range")?.trim() ?? "");
  const [first, last] = [range?.[1] ?? "", range?.[2] ?? ""];
  if (first === "" && last === "") return "all";
  if (first === "") { // the last ones
    const byteLength = Math.min(Number(last), length);
    return byteLength === 0 ? "none" : { byteOffset: length - byteLength, byteLength };
  }
  const byteOffset = Number(first);
  if (last !== "" && Number(last) < byteOffset) return "all"; // "5-3" is no range
  if (byteOffset >= length) return "none";
  const end = last === "" ? length : Number(last) + 1;
  return { byteOffset, byteLength: Math.min(end, length) - byteOffset };
}
