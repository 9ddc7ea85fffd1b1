import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { referencePage } from "../../src/http/reference-page.ts";
import { httpApi } from "../support/http-api.ts";
import { openApi } from "../support/openapi-check.ts";

test("every call is on the page, with what it takes and answers", () => {
  const page = referencePage(openApi);
  for (const [path, methods] of Object.entries(openApi.paths)) {
    for (const [method, { operationId }] of Object.entries(methods)) {
      expect(page).toContain(`<section id="${operationId}">`);
      expect(page).toContain(`${method.toUpperCase()} ${path}`);
    }
  }
  expect(page).toContain("<code>data.attempts[].error.stack</code>");
  expect(page).toContain("<code>scheduled_at</code>");
  expect(page).toContain("Needs the scope `operate`");
});

test("what is written into a document is text on the page", () => {
  const evil = "<img src=x onerror=alert(1)>\"'&";
  const page = referencePage({ ...openApi, info: { ...openApi.info, description: evil } });
  expect(page).not.toContain("<img");
  expect(page).toContain("&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;");
});

test("it is one page by itself: no script, its own style, nothing from elsewhere", async () => {
  await using api = await httpApi();
  await api.token();
  const reply = await fetch(`${api.url}/reference`);
  const page = await reply.text();
  expect([reply.status, reply.headers.get("content-type")]).toEqual([
    200,
    "text/html; charset=utf-8",
  ]);
  expect(page).not.toMatch(/<script|<link|<img|https?:|style="|@import|url\(/);
  const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  const policy = reply.headers.get("content-security-policy");
  expect(policy).toContain(`style-src 'sha256-${hash}'`);
  expect(policy).toContain("default-src 'none'");
});
