/**
 * A terminal's whole screen, drawn over and over, beside what was on it before. Owns opening it
 * and giving it back, however the process ends; what is drawn is its owner's concern.
 */

import { styleText } from "node:util";
import { printable } from "../core/printable.ts";
import type { ScreenLine, ScreenSize } from "./render-top.ts";

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";
const home = "\u001b[H";
const restOfLine = "\u001b[K";
const restOfScreen = "\u001b[J";

/** What is needed of a terminal; `process.stdout` is one. */
export type Terminal = Pick<NodeJS.WriteStream, "columns" | "rows" | "write" | "on" | "off">;

export class Screen {
  readonly #terminal: Terminal;
  readonly #restore = (): void => this.close();
  #onResize: (() => void) | null = null;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** A terminal that doesn't say has 80 by 24. */
  get size(): ScreenSize {
    return { columns: this.#terminal.columns || 80, rows: this.#terminal.rows || 24 };
  }

  open(onResize: () => void): void {
    this.#onResize = onResize;
    this.#terminal.write(enter);
    this.#terminal.on("resize", onResize);
    process.on("exit", this.#restore);
  }

  draw(lines: readonly ScreenLine[]): void {
    if (this.#onResize === null) return;
    const text = lines.map((line) => `${styled(line)}${restOfLine}`).join("\r\n");
    this.#terminal.write(`${home}${text}${restOfScreen}`);
  }

  close(): void {
    if (this.#onResize === null) return;
    this.#terminal.off("resize", this.#onResize);
    this.#onResize = null;
    process.off("exit", this.#restore);
    this.#terminal.write(leave);
  }
}

const styles = { title: "dim", bad: "red" } as const;

function styled({ text: given, style }: ScreenLine): string {
  // A line end of somebody's error would move all that is beneath it.
  const text = printable(given).replaceAll("\n", " ");
  return style === "plain" ? text : styleText(styles[style], text);
}
