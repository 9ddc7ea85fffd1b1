/**
 * Makes stacks name the lines that were written, in modules that esbuild has changed: Node maps
 * positions only of modules that it loads itself.
 * Owns `Error.prepareStackTrace` between start and stop; leaves all other frames as they were.
 */

import { SourceMap } from "node:module";

type Prepare = NonNullable<ErrorConstructor["prepareStackTrace"]>;

const inlineMap = /\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]+)\s*$/;

export class SourcePositions {
  /** By the URL that V8 knows: text until a stack needs it. */
  readonly #maps = new Map<string, string | SourceMap>();
  #before: Prepare | undefined = undefined;
  #own: Prepare | null = null;

  /** Takes the map at the end of `code`, which V8 knows as `url`. */
  add(url: string, code: string): void {
    const encoded = inlineMap.exec(code)?.[1];
    if (encoded === undefined) return;
    this.#maps.set(url, encoded);
    this.#start();
  }

  forget(url: string): void {
    this.#maps.delete(url);
  }

  stop(): void {
    // Somebody may have put a function of their own in its place since.
    if (this.#own !== null && Error.prepareStackTrace === this.#own) {
      // why: there may have been none, which the type can't say
      Error.prepareStackTrace = this.#before as Prepare;
    }
    this.#own = null;
    this.#maps.clear();
  }

  #start(): void {
    if (this.#own !== null) return;
    const before = Error.prepareStackTrace;
    const own: Prepare = (error, sites) => {
      const mapped = sites.map((site) => this.#mapped(site));
      return before === undefined ? plainStack(error, mapped) : before(error, mapped);
    };
    this.#before = before;
    this.#own = own;
    Error.prepareStackTrace = own;
  }

  #mapped(site: NodeJS.CallSite): NodeJS.CallSite {
    const url = site.getFileName();
    const map = url === null || url === undefined ? null : this.#mapOf(url);
    const [line, column] = [site.getLineNumber(), site.getColumnNumber()];
    if (map === null || url === null || url === undefined || !line || !column) return site;
    const entry = map.findEntry(line - 1, column - 1);
    if (!("originalLine" in entry)) return site;
    return siteAt(site, url, { line: entry.originalLine + 1, column: entry.originalColumn + 1 });
  }

  #mapOf(url: string): SourceMap | null {
    const known = this.#maps.get(url);
    if (known === undefined || typeof known !== "string") return known ?? null;
    const map = new SourceMap(JSON.parse(Buffer.from(known, "base64").toString()));
    this.#maps.set(url, map);
    return map;
  }
}

/** The call site with other numbers; V8's own can't be changed, nor called by another `this`. */
function siteAt(
  site: NodeJS.CallSite,
  url: string,
  { line, column }: { line: number; column: number },
): NodeJS.CallSite {
  const file = url.replace(/\?.*$/, "");
  const answers: Readonly<Record<string | symbol, () => unknown>> = {
    getFileName: () => file,
    getScriptNameOrSourceURL: () => file,
    getLineNumber: () => line,
    getColumnNumber: () => column,
    toString: () =>
      String(site).replace(
        `${url}:${site.getLineNumber()}:${site.getColumnNumber()}`,
        () => `${file}:${line}:${column}`,
      ),
  };
  return new Proxy(site, {
    get(target, name) {
      const answer = answers[name];
      if (answer !== undefined) return answer;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function plainStack(error: Error, sites: readonly NodeJS.CallSite[]): string {
  return [String(error), ...sites.map((site) => `    at ${site}`)].join("\n");
}
