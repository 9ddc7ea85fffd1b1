import { expect, test } from "vitest";
import { httpApi } from "../support/http-api.ts";

const preflightOf = (url: string, origin: string) =>
  fetch(`${url}/tasks`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });

test("pages of a named origin may ask with a token, others may not", async () => {
  const httpCorsOrigins = ["https://app.example"];
  await using api = await httpApi({ config: { httpCorsOrigins } });
  const token = await api.token();
  const allowed = await preflightOf(api.url, "https://app.example");
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(allowed.headers.get("access-control-allow-headers")).toContain("authorization");
  expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
  const asked = await api.ask("/tasks", { token, headers: { origin: "https://app.example" } });
  expect(asked.headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect((await api.ask("/tasks", { headers: { origin: "https://app.example" } })).status).toBe(
    401,
  );

  const refused = await preflightOf(api.url, "https://app.example.evil");
  expect(refused.status).toBe(401);
  expect(refused.headers.get("access-control-allow-origin")).toBeNull();
  expect(refused.headers.get("vary")).toContain("origin");
});

test("without any named, no answer has a header of CORS", async () => {
  await using api = await httpApi();
  await api.token();
  const { headers, status } = await preflightOf(api.url, "https://app.example");
  expect(status).toBe(401);
  expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
});
