/**
 * The files of the dashboard, read into memory once: what is asked for is looked up by name and
 * never opened by a path that a caller gave. Owns their headers.
 */

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { HttpError } from "./http-error.ts";

export interface UiFile {
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
  readonly content: Buffer;
  /** The same, compressed; null where that saves nothing. */
  readonly gzipped: Buffer | null;
}

// From both src/http and dist/http: the dashboard is only ever built.
const defaultFolder = fileURLToPath(new URL("../../dist/dashboard/", import.meta.url));

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/** No inline script or style, nothing from elsewhere, in nobody's frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "manifest-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The bundler's: the name changes with the content. */
const hashedName = /[-.][\w-]{8,}\.\w+$/;
const yearS = 31_536_000;

export class UiFiles {
  readonly #folder: string;
  #files: Promise<ReadonlyMap<string, UiFile>> | null = null;

  constructor(folder: string = defaultFolder) {
    this.#folder = folder;
  }

  /**
   * `name` as in the address behind "ui/"; "" is the page.
   *
   * @throws HttpError 404
   */
  async find(name: string): Promise<UiFile> {
    this.#files ??= readAll(this.#folder);
    const files = await this.#files;
    // Perhaps it is being built.
    if (!files.has("index.html")) this.#files = null;
    const file = files.get(name === "" ? "index.html" : name);
    if (file !== undefined) return file;
    if (files.has("index.html")) throw new HttpError(404, "no-such-file", "There is no such file.");
    throw new HttpError(404, "no-dashboard", "The dashboard has not been built.", {
      nextStep: "In taskrun's repository: npm run build.",
    });
  }
}

async function readAll(folder: string): Promise<ReadonlyMap<string, UiFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, UiFile>();
  for (const entry of entries) {
    const type = types[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join("/");
    files.set(name, await readOne(path, name, type));
  }
  return files;
}

async function readOne(path: string, name: string, type: string): Promise<UiFile> {
  const content = await readFile(path);
  const small = await promisify(gzip)(content, { level: 9 });
  const isHashed = name.startsWith("assets/") && hashedName.test(name);
  return {
    content,
    gzipped: small.length < content.length ? small : null,
    etag: `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`,
    headers: {
      "content-type": type,
      "content-security-policy": policy,
      "cache-control": isHashed ? `public, max-age=${yearS}, immutable` : "no-cache",
      "cross-origin-resource-policy": "same-origin",
      vary: "accept-encoding",
    },
  };
}
