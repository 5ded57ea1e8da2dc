/** Cryptography, on the web's API and on Node's. */

import { Buffer } from "node:buffer";
import nodeCrypto from "node:crypto";
import { type Consumer, MIB, type Ready, simple } from "./consumer.ts";

const { subtle } = crypto;
const SALT = new Uint8Array(16);

/** A few bytes that stand for all of a result. */
export function digestOf(bytes: ArrayBuffer | ArrayBufferView): string {
  const view = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  return nodeCrypto.createHash("sha256").update(view).digest("hex");
}

async function encrypt(): Promise<Ready> {
  const key = await subtle.importKey("raw", SALT, "AES-GCM", false, ["encrypt"]);
  const algorithm = { name: "AES-GCM", iv: new Uint8Array(12) };
  return { use: (bytes) => subtle.encrypt(algorithm, key, bytes).then(digestOf) };
}

async function sign(): Promise<Ready> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await subtle.importKey("raw", SALT, algorithm, false, ["sign"]);
  return { use: (bytes) => subtle.sign("HMAC", key, bytes).then(digestOf) };
}

async function verify(): Promise<Ready> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await subtle.importKey("raw", SALT, algorithm, false, ["verify"]);
  return { use: (bytes) => subtle.verify("HMAC", key, new Uint8Array(32), bytes) };
}

/** The bytes are the salt. */
async function deriveBits(): Promise<Ready> {
  const key = await subtle.importKey("raw", SALT, "PBKDF2", false, ["deriveBits"]);
  return {
    use: (salt) =>
      subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: 2 }, key, 256)
        .then(digestOf),
  };
}

/** The bytes are the password. */
async function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const key = await subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: SALT, iterations: 2 };
  return digestOf(await subtle.deriveBits(algorithm, key, 256));
}

/** A call of node:crypto with a callback. */
export function called<T extends ArrayBuffer | ArrayBufferView>(
  call: (done: (error: Error | null, result: T) => void) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    call((error, result) => error ? reject(error) : resolve(digestOf(result)));
  });
}

function nodeSign(): Ready {
  const { privateKey } = nodeCrypto.generateKeyPairSync("ed25519");
  const publicKey = nodeCrypto.createPublicKey(privateKey);
  return {
    use: (bytes) =>
      new Promise((resolve, reject) => {
        nodeCrypto.sign(null, bytes, privateKey, (error, signature) => {
          if (error) return reject(error);
          const holds = (value: number) =>
            nodeCrypto.verify(null, new Uint8Array(4 * MIB).fill(value), publicKey, signature);
          resolve(holds(1) ? "of the bytes" : holds(0) ? "of zeros" : "of something else");
        });
      }),
  };
}

/** A stream that hashes. */
function nodeHash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = nodeCrypto.createHash("sha256");
  const over = new Promise<string>((resolve, reject) => {
    hash.once("error", reject);
    hash.once("readable", () => resolve(hash.read().toString("hex")));
  });
  hash.end(bytes);
  return over;
}

function nodeCipher(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const cipher = nodeCrypto.createCipheriv("aes-128-ctr", SALT, SALT);
  const over = new Promise<string>((resolve, reject) => {
    const parts: Buffer[] = [];
    cipher.on("data", (part: Buffer) => parts.push(part));
    cipher.once("error", reject);
    cipher.once("end", () => resolve(digestOf(Buffer.concat(parts))));
  });
  cipher.end(bytes);
  return over;
}

/** Deno 2.9 throws where nobody can catch it, if the bytes have gone. */
function randomFill(bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers();
  const uncaught = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    reject(event.reason);
  };
  addEventListener("unhandledrejection", uncaught);
  nodeCrypto.randomFill(bytes, (error) => error ? reject(error) : resolve(0));
  return promise.finally(() => removeEventListener("unhandledrejection", uncaught));
}

const computes = { byteLength: 4 * MIB, begun: "thread" } as const;

export const CRYPTO: readonly Consumer[] = [
  {
    name: "`crypto.subtle.digest()`",
    ...computes,
    prepare: simple((bytes) => subtle.digest("SHA-256", bytes).then(digestOf)),
  },
  { name: "`crypto.subtle.encrypt()`", ...computes, prepare: encrypt },
  { name: "`crypto.subtle.sign()`", ...computes, prepare: sign },
  { name: "`crypto.subtle.verify()`", ...computes, prepare: verify },
  { name: "`crypto.subtle.deriveBits()`, the salt", ...computes, prepare: deriveBits },
  { name: "`crypto.subtle.importKey()`", ...computes, prepare: simple(importKey) },
  {
    name: "`node:crypto`, `pbkdf2()`",
    ...computes,
    prepare: simple((bytes) =>
      called<Buffer>((done) => nodeCrypto.pbkdf2(bytes, SALT, 20_000, 32, "sha256", done))
    ),
  },
  {
    name: "`node:crypto`, `scrypt()`",
    ...computes,
    prepare: simple((bytes) => called<Buffer>((done) => nodeCrypto.scrypt(bytes, SALT, 32, done))),
  },
  {
    name: "`node:crypto`, `hkdf()`",
    byteLength: MIB,
    begun: "thread",
    prepare: simple((bytes) =>
      called<ArrayBuffer>((done) => nodeCrypto.hkdf("sha256", bytes, SALT, SALT, 32, done))
    ),
  },
  { name: "`node:crypto`, `sign()`", ...computes, prepare: nodeSign },
  { name: "`node:crypto`, a stream that hashes", ...computes, prepare: simple(nodeHash) },
  { name: "`node:crypto`, a stream that ciphers", ...computes, prepare: simple(nodeCipher) },
  {
    name: "`node:crypto`, `randomFill()`",
    byteLength: 4 * MIB,
    fills: 0, // with nobody knows what
    begun: "thread",
    prepare: simple(randomFill),
  },
];
