/** From the configuration to the crontab on disk, compared with the tasks. */

import { existsSync } from "node:fs";
import path from "node:path";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog } from "../core/catalog.ts";
import type { CrontabFailure, ParsedCrontab } from "../core/crontab.ts";
import { checkCrontab } from "../discovery/crontab/check-crontab.ts";
import { parseCrontab } from "../discovery/crontab/parse-crontab.ts";
import { readCrontab } from "../discovery/crontab/read-crontab.ts";

type Config = Pick<ResolvedConfig, "crontab" | "projectDir">;

/** @throws TaskrunError `bad-config` when there is a file that can't be read */
export async function loadCrontab(config: Config, catalog: Catalog): Promise<ParsedCrontab> {
  const found = await checkCrontab(await parseCrontab(await readCrontab(config.crontab)), catalog);
  const missing = missingCrontab(config);
  return missing === null ? found : { ...found, failures: [missing, ...found.failures] };
}

/** A project needs no crontab; but where the configuration names one, somebody counts on it. */
export function missingCrontab({ crontab, projectDir }: Config): CrontabFailure | null {
  const isNamed = crontab !== false && crontab !== path.join(projectDir, "crontab");
  if (!isNamed || existsSync(crontab)) return null;
  return {
    line: 1,
    column: 1,
    task: null,
    reason: "there is no such file",
    fix: "Make it, or correct the option crontab; false turns the crontab off.",
    frame: "",
  };
}
