/**
 * Single keys on a terminal, and questions asked in between. Owns the terminal's raw mode and
 * gives it back; what a key does is its owner's concern.
 */

import { createInterface, type Interface } from "node:readline";

export interface KeyAction {
  readonly key: string;
  /** What it does, for the help line. */
  readonly sentence: string;
  readonly act: () => Promise<void> | void;
}

/** What is needed of a terminal's input; `process.stdin` is one. */
export interface KeyInput extends NodeJS.ReadableStream {
  setRawMode?: (isRaw: boolean) => unknown;
}

export interface KeysOptions {
  readonly input: KeyInput;
  /** Where questions are asked. */
  readonly output: NodeJS.WritableStream;
  readonly actions: readonly KeyAction[];
  /** Ctrl-C: a terminal in raw mode makes no signal of it. */
  readonly onInterrupt: () => void;
  readonly onError: (error: unknown) => void;
}

export interface Question {
  readonly text: string;
  /** What an empty answer stands for. */
  readonly fallback: string;
  /** What Tab completes. */
  readonly words?: readonly string[];
}

const interrupt = "\u0003";
const escapeKey = "\u001b";

export class Keys {
  readonly #options: KeysOptions;
  readonly #listener = (chunk: Buffer | string) => this.#press(String(chunk));
  #question: Interface | null = null;
  #isListening = false;

  constructor(options: KeysOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isListening) return;
    const { input } = this.#options;
    this.#isListening = true;
    input.setRawMode?.(true);
    input.on("data", this.#listener);
    input.resume();
  }

  stop(): void {
    const question = this.#question;
    this.#question = null;
    question?.close();
    this.#rest();
  }

  /** Null when the question was given up by Ctrl-C. */
  async ask({ text, fallback, words = [] }: Question): Promise<string | null> {
    const wasListening = this.#isListening;
    this.#rest();
    const { input, output } = this.#options;
    const completer = (line: string): [string[], string] => [
      words.filter((word) => word.startsWith(line)),
      line,
    ];
    const asking = createInterface({ input, output, completer, terminal: true, historySize: 0 });
    this.#question = asking;
    const answer = await new Promise<string | null>((resolve) => {
      asking.on("SIGINT", () => asking.close());
      asking.on("close", () => resolve(null));
      asking.question(text, resolve);
    });
    asking.close();
    if (wasListening && this.#question === asking) this.start();
    this.#question = null;
    return answer === null ? null : answer.trim() || fallback;
  }

  #rest(): void {
    if (!this.#isListening) return;
    const { input } = this.#options;
    this.#isListening = false;
    input.off("data", this.#listener);
    input.setRawMode?.(false);
    input.pause();
  }

  #press(text: string): void {
    // An arrow or function key: one chunk that begins with Escape.
    if (text.startsWith(escapeKey)) return;
    for (const key of text) {
      if (key === interrupt) this.#options.onInterrupt();
      else void this.#act(key);
    }
  }

  async #act(key: string): Promise<void> {
    try {
      await this.#options.actions.find((each) => each.key === key.toLowerCase())?.act();
    } catch (error) {
      this.#options.onError(error);
    }
  }
}
