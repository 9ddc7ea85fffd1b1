/**
 * What is no file of the project: packages, Node's own modules, taskrun. Node loads them, once
 * for the process; here they get a module that project files can be linked to.
 */

import type { ImportAttributes } from "node:module";
// By its default export: without the flag the class is missing, and a named import would fail.
import vm from "node:vm";
import { importForeign } from "../../discovery/import-module.ts";

export class NativeModules {
  readonly #modules = new Map<string, vm.SyntheticModule>();

  /** The module to link to. Rejects with what the package's import throws. */
  async module(url: string, attributes: ImportAttributes): Promise<vm.SyntheticModule> {
    return this.#modules.get(url) ?? this.#add(url, await importForeign(url, attributes));
  }

  /** The same without waiting, if the module was asked for before. */
  known(url: string): vm.SyntheticModule | null {
    return this.#modules.get(url) ?? null;
  }

  #add(url: string, namespace: object): vm.SyntheticModule {
    const module = syntheticModule(namespace, url);
    this.#modules.set(url, module);
    return module;
  }
}

/** A module that exports what `values` has. */
export function syntheticModule(values: object, identifier: string): vm.SyntheticModule {
  const names = Object.keys(values);
  return new vm.SyntheticModule(
    names,
    function setExports(this: vm.SyntheticModule) {
      for (const name of names) this.setExport(name, Reflect.get(values, name));
    },
    { identifier },
  );
}
