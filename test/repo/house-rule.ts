/**
 * A rule of the house that a test keeps: how to find offences, and code that must be caught.
 * The sample is there because a rule that stopped finding anything would look kept.
 */

import { expect, test } from "vitest";
import { parseSource, type SourceFile } from "./source-tree.ts";

export interface HouseRule {
  /** The rule as a fact; the test's name. */
  readonly fact: string;
  /** What a contributor should do about an offence. */
  readonly fix: string;
  /** One "path:line what" per offence. */
  readonly find: (file: SourceFile) => string[];
  /** A file that breaks the rule: path and text. */
  readonly broken: readonly [path: string, text: string];
}

export function keepRule(rule: HouseRule, files: readonly SourceFile[]): void {
  test(rule.fact, () => {
    expect(rule.find(parseSource(...rule.broken)), "the rule no longer finds anything").not.toEqual(
      [],
    );
    expect(files.flatMap(rule.find), rule.fix).toEqual([]);
  });
}
