/**
 * Single keys that do something, as long as nobody is typing and no dialog is open. A key may be
 * a name of the browser's ("Enter", "Escape") or two letters, one after the other: "g j".
 *
 * There is one for the whole page: whether a key is the second of two can't be known by a screen
 * that has no such two of its own, and it would do what the key alone means there.
 */

export type KeyActions = Readonly<Record<string, () => void>>;

const sequenceMs = 1_200;

export class Keyboard {
  /** Each says what its keys do now; of two that take the same key, the later one gets it. */
  readonly #owners: (() => KeyActions)[] = [];
  #first = { key: "", atMs: 0 };

  /** Takes the page's keys, until the function it answers is called. */
  listen(): () => void {
    const press = (event: KeyboardEvent): void => this.#press(event);
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }

  /** Gives keys to an owner, until the function it answers is called. */
  add(owner: () => KeyActions): () => void {
    this.#owners.push(owner);
    return () => {
      this.#owners.splice(this.#owners.indexOf(owner), 1);
    };
  }

  #press(event: KeyboardEvent): void {
    if (event.defaultPrevented || isForAnother(event)) return;
    const { key } = event;
    const isSecond = this.#first.key !== "" && Date.now() - this.#first.atMs < sequenceMs;
    const action = this.#actionOf(isSecond ? `${this.#first.key} ${key}` : key);
    this.#first = { key: !isSecond && this.#isFirst(key) ? key : "", atMs: Date.now() };
    if (action === undefined) return;
    event.preventDefault();
    action();
  }

  #actionOf(name: string): (() => void) | undefined {
    const owner = this.#owners.findLast((one) => one()[name] !== undefined);
    return owner?.()[name];
  }

  #isFirst(key: string): boolean {
    return this.#owners.some((owner) =>
      Object.keys(owner()).some((name) => name.startsWith(`${key} `)),
    );
  }
}

function isForAnother(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  if (document.querySelector("dialog[open]") !== null) return true;
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && ["checkbox", "radio"].includes(target.type)) {
    return event.key === " ";
  }
  if (target.matches("input, textarea, select") || target.isContentEditable) return true;
  // What has the focus does on Enter and space what it says.
  return target.matches("a, button, summary") && (event.key === "Enter" || event.key === " ");
}
