/**
 * The loader of watch mode where Node runs without the flags that `GraphLoader` needs: the same
 * rounds, the same answers, but each version of a module stays in memory, and what modules gave
 * to `onDispose` is never called. Owns nothing but the choice.
 */

import { GraphLoader, type GraphLoaderOptions } from "./graph-loader.ts";
import { ReimportedModules } from "./modules/reimported-modules.ts";

export class NativeReloadLoader extends GraphLoader {
  constructor(options: GraphLoaderOptions) {
    super(options, () => new ReimportedModules(options));
  }

  static override isAvailable(): boolean {
    return true;
  }
}
