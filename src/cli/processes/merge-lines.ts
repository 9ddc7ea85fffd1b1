/**
 * Makes one stream of several processes' output. A line stays whole: a pipe takes no more than
 * 4 KiB at once, so that processes that write to the same one would cut into each other's.
 */

import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

const lineEnd = 0x0a;
/** What is longer without a line end is passed on in parts. */
const longestLine = 1_048_576;

/** Passes on what `source` says, by whole lines, until it ends. Never rejects. */
export async function mergeLines(source: Readable, target: Writable): Promise<void> {
  let begun: Buffer[] = [];
  let length = 0;
  const write = (parts: readonly Buffer[]): void => {
    const [first = Buffer.alloc(0)] = parts;
    if (target.write(parts.length === 1 ? first : Buffer.concat(parts))) return;
    source.pause();
    target.once("drain", () => source.resume());
  };
  const keep = (part: Buffer): void => {
    begun.push(part);
    length += part.length;
  };
  source.on("data", (chunk: Buffer) => {
    const end = chunk.lastIndexOf(lineEnd) + 1;
    if (end > 0) {
      write([...begun, chunk.subarray(0, end)]);
      begun = [];
      length = 0;
    }
    if (end < chunk.length) keep(chunk.subarray(end));
    if (length <= longestLine) return;
    write(begun);
    begun = [];
    length = 0;
  });
  await once(source, "close").catch(() => {});
  if (begun.length > 0) write([...begun, Buffer.from("\n")]);
}
