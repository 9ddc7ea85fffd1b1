/** The tasks on disk, for commands that look and end. */

import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog } from "../core/catalog.ts";
import { createProjectLoader } from "../runtime/project-loader.ts";

export async function loadTasks(config: ResolvedConfig): Promise<Catalog> {
  const loader = createProjectLoader(config);
  try {
    return await loader.load();
  } finally {
    await loader.close();
  }
}
