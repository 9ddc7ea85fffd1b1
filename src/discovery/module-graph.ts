/**
 * Which project file imports which, as far as Node has asked. Owns the edges; refuses to know
 * whether a module was evaluated, and to hold packages.
 */

export interface ImportEdge {
  readonly importer: string;
  readonly specifier: string;
}

export class ModuleGraph {
  readonly #imported = new Map<string, Set<string>>();
  readonly #importers = new Map<string, Map<string, string>>();

  /** Notes that `importer` asked for `specifier` and got `file`; both are absolute paths. */
  add(importer: string, specifier: string, file: string): void {
    const imported = this.#imported.get(importer) ?? new Set();
    this.#imported.set(importer, imported.add(file));
    const importers = this.#importers.get(file) ?? new Map<string, string>();
    this.#importers.set(file, importers.set(importer, specifier));
  }

  /** Forgets what `importer` imports: its text has changed. Who imports it stays known. */
  forget(importer: string): void {
    for (const file of this.#imported.get(importer) ?? []) {
      this.#importers.get(file)?.delete(importer);
    }
    this.#imported.delete(importer);
  }

  /** Every file that is imported. */
  *imported(): Generator<string> {
    for (const [file, importers] of this.#importers) if (importers.size > 0) yield file;
  }

  /** Who imports `file`, and by which specifier. */
  importersOf(file: string): ImportEdge[] {
    const importers = this.#importers.get(file) ?? [];
    return [...importers].map(([importer, specifier]) => ({ importer, specifier }));
  }

  /** The project file that `importer` got for `specifier`; null for a package. */
  fileFor(importer: string, specifier: string): string | null {
    for (const file of this.#imported.get(importer) ?? []) {
      if (this.#importers.get(file)?.get(importer) === specifier) return file;
    }
    return null;
  }

  /** `file` and everything that imports it, at any distance. */
  dependentsOf(file: string): Set<string> {
    return closure(file, (each) => this.#importers.get(each)?.keys() ?? []);
  }

  /** `file` and everything that it imports, at any distance, nearest first. */
  dependenciesOf(file: string): Set<string> {
    return closure(file, (each) => this.#imported.get(each) ?? []);
  }
}

function closure(start: string, next: (file: string) => Iterable<string>): Set<string> {
  // A set that grows while it is walked: each file's neighbours are appended once.
  const seen = new Set([start]);
  for (const file of seen) for (const neighbour of next(file)) seen.add(neighbour);
  return seen;
}
