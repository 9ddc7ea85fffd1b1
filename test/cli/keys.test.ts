import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Keys } from "../../src/cli/keys.ts";

/** A terminal's input: a stream with a mode. */
class Terminal extends PassThrough {
  isRaw = false;
  setRawMode(isRaw: boolean): this {
    this.isRaw = isRaw;
    return this;
  }
}

let terminal: Terminal;
let keys: Keys;
let pressed: string[];
let asked: string;
let heard: () => void;

beforeEach(() => {
  terminal = new Terminal();
  pressed = [];
  asked = "";
  const note = (what: string) => () => {
    pressed.push(what);
    heard();
  };
  const output = new PassThrough();
  output.on("data", (chunk) => {
    asked += chunk;
    heard();
  });
  keys = new Keys({
    input: terminal,
    output,
    actions: [
      { key: "r", sentence: "run", act: note("run") },
      {
        key: "x",
        sentence: "break",
        act: () => Promise.reject(new Error("broken")),
      },
    ],
    onInterrupt: note("interrupt"),
    onError: (error) => note(String(error))(),
  });
  heard = () => {};
  keys.start();
});

afterEach(() => keys.stop());

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
  }
}

describe("a key", () => {
  test("does what it stands for, in either case, once for each time", async () => {
    terminal.write("rR");
    terminal.write("r");
    await until(() => pressed.length === 3);
    expect(pressed).toEqual(["run", "run", "run"]);
  });

  test("that stands for nothing, and arrows, do nothing", async () => {
    terminal.write("z\n");
    terminal.write("\u001b[A");
    terminal.write("r");
    await until(() => pressed.length > 0);
    expect(pressed).toEqual(["run"]);
  });

  test("whose action fails tells the error and leaves the others", async () => {
    terminal.write("x");
    await until(() => pressed.length === 1);
    terminal.write("r");
    await until(() => pressed.length === 2);
    expect(pressed).toEqual(["Error: broken", "run"]);
  });

  test("Ctrl-C asks to end, since a raw terminal makes no signal of it", async () => {
    expect(terminal.isRaw).toBe(true);
    terminal.write("\u0003");
    await until(() => pressed.length === 1);
    expect(pressed).toEqual(["interrupt"]);
  });
});

describe("a question", () => {
  test("takes a line, in which keys are letters, and gives the keys back", async () => {
    const answer = keys.ask({ text: "task: ", fallback: "none" });
    await until(() => asked.includes("task: "));
    terminal.write("error\r");
    expect(await answer).toBe("error");
    expect(pressed).toEqual([]);
    expect(terminal.isRaw).toBe(true);
    terminal.write("r");
    await until(() => pressed.length === 1);
  });

  test("answered by Enter alone is its fallback", async () => {
    const answer = keys.ask({ text: "task: ", fallback: "greet" });
    await until(() => asked.includes("task: "));
    terminal.write("\r");
    expect(await answer).toBe("greet");
  });

  test("completes words by Tab", async () => {
    const answer = keys.ask({ text: "task: ", fallback: "", words: ["greet", "send_email"] });
    await until(() => asked.includes("task: "));
    terminal.write("se\t");
    await until(() => asked.includes("send_email"));
    terminal.write("\r");
    expect(await answer).toBe("send_email");
  });

  test("given up by Ctrl-C is no answer and no end", async () => {
    const answer = keys.ask({ text: "task: ", fallback: "greet" });
    await until(() => asked.includes("task: "));
    terminal.write("\u0003");
    expect(await answer).toBeNull();
    expect(pressed).toEqual([]);
  });

  test("that is open at the stop is no answer, and the terminal is as before", async () => {
    const answer = keys.ask({ text: "task: ", fallback: "greet" });
    await until(() => asked.includes("task: "));
    keys.stop();
    expect(await answer).toBeNull();
    expect(terminal.isRaw).toBe(false);
  });
});
