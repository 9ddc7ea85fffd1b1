/** What was typed after a command, read by name. Owns the reading; refuses to know meanings. */

import type { LoadConfigOptions } from "../config/load-config.ts";
import { flagName, type OptionName } from "../config/schema.ts";
import { usageError } from "./cli-error.ts";

export class CommandArguments {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #options: readonly OptionName[];

  constructor(values: Readonly<Record<string, unknown>>, options: readonly OptionName[]) {
    this.#values = values;
    this.#options = options;
  }

  /** A flag's or argument's text; undefined when it wasn't given. */
  text(name: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined) return undefined;
    if (Array.isArray(value)) throw usageError(`--${name} was given ${value.length} times`);
    return String(value);
  }

  /** The texts of an argument that may be given many times. */
  texts(name: string): readonly string[] {
    const value = this.#values[name];
    if (value === undefined) return [];
    return Array.isArray(value) ? value.map(String) : [String(value)];
  }

  /** The text of an argument that the command can't do without. */
  required(name: string): string {
    const text = this.text(name);
    if (text === undefined || text === "") throw usageError(`<${name}> is missing`);
    return text;
  }

  isSet(name: string): boolean {
    return this.#values[name] === true;
  }

  /** A whole number from `min` to `max`; undefined when it wasn't given. */
  wholeNumber(name: string, { min, max }: { min: number; max: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^[+-]?\d+$/.test(text.trim()) && value >= min && value <= max) return value;
    throw usageError(`--${name} ${text}: expected a whole number from ${min} to ${max}`);
  }

  /** The flags that are options of the configuration, for `loadConfig`. */
  forConfig(): LoadConfigOptions {
    const flags: Partial<Record<OptionName, unknown>> = {};
    for (const option of this.#options) {
      const value = this.#values[flagName(option) ?? option];
      if (value !== undefined) flags[option] = value;
    }
    return { flags, configFile: this.text("config") };
  }
}
