/** The part of the command table that is about the HTTP API: serve, token. */

import type { CommandSpec } from "./command-spec.ts";
import { sharedFlags } from "./shared-flags.ts";

const { json, common } = sharedFlags;

const http = [
  ...(["httpPort", "httpHost", "httpPrefix", "httpTrustProxy", "httpCorsOrigins"] as const),
  "httpEnqueueRate",
] as const;

export const httpCommands = {
  serve: {
    usage: "serve",
    sentence: "Serve the HTTP API and run no jobs",
    arguments: {},
    flags: {},
    options: [...common, ...http, "logLevel", "logFormat", "redact"],
    examples: [
      ["taskrun serve", "on http://127.0.0.1:3000"],
      ["taskrun serve --http-host 0.0.0.0", "for other machines, once there is a token"],
    ],
    load: async () => (await import("./commands/serve.ts")).serve,
  },
  token: {
    usage: "token <action> [name]",
    sentence: "Create, list and revoke the tokens of the HTTP API",
    arguments: { action: "create, list or revoke", name: "Whose it is; created_by of its jobs" },
    flags: {
      scope: {
        kind: "text",
        sentence: "What it may do: enqueue, read, operate (default enqueue,read)",
      },
      expires: { kind: "text", sentence: 'After how long, such as "30d" (default: never)' },
      json,
    },
    options: common,
    examples: [
      ["taskrun token create shop --expires 90d", "prints the token, this once"],
      ["taskrun token create ops --scope read,operate", "looks and changes, adds nothing"],
      ["taskrun token revoke shop", "from the next request on"],
    ],
    load: async () => (await import("./commands/token.ts")).token,
  },
} as const satisfies Record<string, CommandSpec>;
