import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { Screen, type Terminal } from "../../src/cli/screen.ts";

class FakeTerminal extends EventEmitter {
  columns = 0;
  rows = 0;
  written = "";
  write(text: string): boolean {
    this.written += text;
    return true;
  }
}

function open(): { terminal: FakeTerminal; screen: Screen; resized: () => number } {
  const terminal = new FakeTerminal();
  const screen = new Screen(terminal as unknown as Terminal); // why: its methods are all it needs
  let count = 0;
  screen.open(() => {
    count += 1;
  });
  return { terminal, screen, resized: () => count };
}

test("a screen gives the terminal back as it was, once, and draws no more", () => {
  const { terminal, screen } = open();
  screen.draw([{ text: "hello", style: "plain" }]);
  screen.close();
  screen.close();
  screen.draw([{ text: "too late", style: "plain" }]);
  expect(terminal.written).toBe(
    "\u001b[?1049h\u001b[?25l\u001b[Hhello\u001b[K\u001b[J\u001b[?25h\u001b[?1049l",
  );
});

test("the end of the process gives it back too", () => {
  const { terminal } = open();
  const listener = process.listeners("exit").at(-1);
  listener?.call(process, 0);
  expect(terminal.written).toMatch(/\[\?1049l$/);
});

test("a resize is told, with the new size", () => {
  const { terminal, screen, resized } = open();
  expect(screen.size).toEqual({ columns: 80, rows: 24 });
  terminal.columns = 100;
  terminal.rows = 30;
  terminal.emit("resize");
  expect(resized()).toBe(1);
  expect(screen.size).toEqual({ columns: 100, rows: 30 });
  screen.close();
  terminal.emit("resize");
  expect(resized()).toBe(1);
});
