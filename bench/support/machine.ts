/** What the figures were taken on, in a few lines of Markdown. */

import { readFileSync } from "node:fs";
import { cpus, loadavg, platform, release, totalmem } from "node:os";

export function describeMachine(): string[] {
  const [cpu] = cpus();
  const memoryGb = (totalmem() / 2 ** 30).toFixed(0);
  const [load = 0] = loadavg();
  return [
    `${cpus().length} × ${cpu?.model.trim() || "CPU"}, ${memoryGb} GB, ${platform()} ${release()};`,
    `load ${load.toFixed(1)} when it began. Node ${process.versions.node},`,
    `graphile-worker ${versionOf("graphile-worker")}, taskrun ${versionOf(null)}.`,
  ];
}

/** Of an installed package; null = of this one. */
function versionOf(name: string | null): string {
  const place = name === null ? "../../package.json" : `../../node_modules/${name}/package.json`;
  // why: every package has a version
  return (JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8")) as { version: string })
    .version;
}
