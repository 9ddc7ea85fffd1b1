import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UiFiles } from "../../src/http/ui-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "taskrun-ui-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function build(): Promise<void> {
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), "<!doctype html><title>taskrun</title>");
  await writeFile(join(folder, "assets/app-Dx81kzQ3.js"), "let a = 1;\n".repeat(100));
  await writeFile(join(folder, "assets/app.css"), "a {}");
  await writeFile(join(folder, "notes.secret"), "not to be served");
}

test("before it is built, it says how to build it; then it is there", async () => {
  const ui = new UiFiles(folder);
  await expect(ui.find("")).rejects.toMatchObject({
    status: 404,
    code: "no-dashboard",
    nextStep: expect.stringContaining("npm run build"),
  });
  await build();
  expect((await ui.find("")).content.toString()).toContain("taskrun");
});

test("files with the content's hash in their name are kept, others asked for again", async () => {
  await build();
  const ui = new UiFiles(folder);
  const script = await ui.find("assets/app-Dx81kzQ3.js");
  expect(script.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
  expect(gunzipSync(script.gzipped ?? "")).toEqual(script.content);
  const style = await ui.find("assets/app.css");
  expect(style.headers["cache-control"]).toBe("no-cache");
  expect(style.gzipped).toBeNull();
  expect(style.etag).not.toBe(script.etag);
  expect(style.headers["content-security-policy"]).toContain("script-src 'self'");
  expect(style.headers["content-security-policy"]).not.toContain("unsafe");
});

test.each([
  "../package.json",
  "/etc/passwd",
  "notes.secret",
  "assets",
  "assets/../index.html",
  "%",
])("%s is no file of it", async (name) => {
  await build();
  await expect(new UiFiles(folder).find(name)).rejects.toMatchObject({ code: "no-such-file" });
});
