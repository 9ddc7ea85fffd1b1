/** All that is wrong with a configuration, told at once: what, where, and how to mend it. */

import { TaskrunError } from "../core/errors.ts";

export interface ConfigProblem {
  /** The option, flag or environment name at fault; null when a whole file is. */
  readonly option: string | null;
  /** Where the value came from: a file, an environment name, a flag. */
  readonly where: string;
  /** What is wrong, and what was expected; without the option's name. */
  readonly reason: string;
  readonly fix: string | null;
  /** Absolute path when the fault is in a file, with the 1-based place when it is known. */
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
}

/** Code `bad-config`. */
export class ConfigError extends TaskrunError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super("bad-config", "The configuration is wrong");
    this.name = "ConfigError";
    this.message = describe(problems);
    this.problems = problems;
  }
}

/** The reason, with the option's name where the place doesn't tell it. */
export function describeProblem({ option, file, reason }: ConfigProblem): string {
  const isClear = option === null || (file === null && !option.includes("."));
  return isClear ? reason : `${option}: ${reason}`;
}

function describe(problems: readonly ConfigProblem[]): string {
  const lines = problems.map((problem) => {
    const fix = problem.fix === null ? "" : `\n    ${problem.fix}`;
    return `  ${problem.where}: ${describeProblem(problem)}${fix}`;
  });
  const count = problems.length === 1 ? "" : ` in ${problems.length} places`;
  return `The configuration is wrong${count}:\n${lines.join("\n")}`;
}
