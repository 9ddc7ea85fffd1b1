/** A span of time in a payload: "90s", "7d" or milliseconds. Becomes milliseconds. */

import { parseDuration } from "taskrun";
import { z } from "zod";

export const duration = z
  .union([z.string(), z.number().nonnegative()])
  .transform((value, issues): number => {
    try {
      return parseDuration(value);
    } catch (error) {
      issues.addIssue(error instanceof Error ? error.message : String(error));
      return z.NEVER;
    }
  });
