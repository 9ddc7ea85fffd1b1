/** One question on a terminal, answered with yes or no. Anything but a yes is a no. */

import { createInterface } from "node:readline";

export interface ConfirmOptions {
  readonly input?: NodeJS.ReadableStream;
  readonly output?: NodeJS.WritableStream;
}

/** Enter alone means yes; the end of the input, or Ctrl-C, means no. */
export async function confirm(
  question: string,
  { input = process.stdin, output = process.stderr }: ConfirmOptions = {},
): Promise<boolean> {
  const lines = createInterface({ input, output });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once("close", () => resolve("no"));
      lines.question(`${question} [Y/n] `, resolve);
    });
    return /^(y|yes)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
