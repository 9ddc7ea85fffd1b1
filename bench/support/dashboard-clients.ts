/**
 * Open dashboards, without browsers: each hears the events and asks again when something changed,
 * as `src/dashboard/live/use-resource.ts` does, half of them for the overview, half for the list of
 * jobs. Says a line when all are connected, and another one with what they heard at the end of its
 * input. Plain JavaScript types only: it runs as a process of its own.
 */

import { Agent, get } from "node:http";

const [url = "", count = "10"] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
let answers = 0;
let events = 0;

interface Screen {
  readonly path: () => string;
  readonly spacingMs: number;
  readonly whileLiveMs: number;
}

const overview: Screen = {
  path: () => `/overview?since=${new Date(Date.now() - 3_600_000).toISOString()}&buckets=60`,
  spacingMs: 2_000,
  whileLiveMs: 10_000,
};
const list: Screen = { path: () => "/tasks?limit=50", spacingMs: 1_500, whileLiveMs: 30_000 };

async function open(screen: Screen): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let lastAtMs = 0;
  let isDue = false;
  const ask = async (): Promise<void> => {
    isDue = true;
    await answer(screen.path());
    lastAtMs = Date.now();
    isDue = false;
    later(screen.whileLiveMs);
  };
  const later = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), ms);
  };
  await ask();
  await hear(() => {
    events += 1;
    if (isDue) return;
    isDue = true;
    later(Math.max(lastAtMs + screen.spacingMs - Date.now(), 50));
  });
}

function answer(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${url}${path}`, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
      response.resume();
      response.on("end", () => {
        answers += 1;
        resolve();
      });
    }).on("error", reject);
  });
}

/** Resolves when the server has said its first word. */
function hear(changed: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${url}/events`, { agent: new Agent() }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`/events: ${response.statusCode}`));
      response.once("data", () => {
        resolve();
        response.on("data", changed);
      });
    }).on("error", reject);
  });
}

for (let at = 0; at < Number(count); at += 1) await open(at % 2 === 0 ? overview : list);
console.log("open");
process.stdin.resume();
process.stdin.on("end", () => {
  process.stdout.write(`${JSON.stringify({ answers, events })}\n`, () => process.exit());
});
