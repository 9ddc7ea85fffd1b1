/** What `npm run build` makes of the dashboard: small, whole, and nothing inline. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { repositoryDir } from "./source-tree.ts";

const folder = join(repositoryDir, "dist/dashboard");
const page = () => readFileSync(join(folder, "index.html"), "utf8");

test("the first load is below 150 kB, compressed as a server sends it", () => {
  const linked = [...page().matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path ?? "");
  expect(linked.length).toBeGreaterThanOrEqual(3);
  const sizes = ["index.html", ...linked].map(
    (path) => gzipSync(readFileSync(join(folder, path))).length,
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000);
});

test("every address in the page is relative, and nothing stands inline", () => {
  const html = page();
  expect(html.match(/(?:src|href)="(?!\.\/)[^"]*"/g)).toBeNull();
  expect(html).not.toMatch(/<style|style="|\son\w+="|<script(?![^>]*\ssrc=)/);
});

test("nothing is loaded from elsewhere", () => {
  const found = listFilesBuilt().flatMap((path) => {
    const text = readFileSync(join(folder, path), "utf8");
    return [...text.matchAll(/(?:url\(|import\(|fetch\(|@import )["'`]?(?:https?:)?\/\//g)].map(
      ([call]) => `${path}: ${call}`,
    );
  });
  expect(found).toEqual([]);
});

function listFilesBuilt(): string[] {
  const links = [...page().matchAll(/"\.\/(assets\/[^"]+\.(?:js|css))"/g)];
  return links.map(([, path]) => path ?? "");
}
