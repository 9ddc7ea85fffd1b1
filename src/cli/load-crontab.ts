/** From the configuration to the crontab on disk, compared with the tasks. */

import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog } from "../core/catalog.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import { checkCrontab } from "../discovery/crontab/check-crontab.ts";
import { parseCrontab } from "../discovery/crontab/parse-crontab.ts";
import { readCrontab } from "../discovery/crontab/read-crontab.ts";

/** @throws TaskrunError `bad-config` when there is a file that can't be read */
export async function loadCrontab(
  { crontab }: Pick<ResolvedConfig, "crontab">,
  catalog: Catalog,
): Promise<ParsedCrontab> {
  return checkCrontab(await parseCrontab(await readCrontab(crontab)), catalog);
}
