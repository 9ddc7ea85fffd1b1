/**
 * Which names of fields speak of a secret: `password`, `apiKey`, `set-cookie`. For log lines, in
 * which anything may turn up; what a job keeps goes by marks alone.
 */

/** What is masked in logs without anybody having said so. */
export const defaultSecretKeys: readonly string[] = [
  "pass",
  "password",
  "passwd",
  "passphrase",
  "pwd",
  "secret",
  "secrets",
  "token",
  "authorization",
  "cookie",
  "cookies",
  "api key",
  "apikey",
  "private key",
  "access key",
  "credentials",
  "dsn",
];

/** `userAPIKey`, `user_api_key` and `User-Api-Key` are " user api key ". */
function words(name: string): string {
  const split = name
    .replaceAll(/([a-z\d])([A-Z])/g, "$1 $2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  return ` ${split
    .toLowerCase()
    .replaceAll(/[^\p{L}\d]+/gu, " ")
    .trim()} `;
}

/** Knows names by the words in them, so that a compass and `max_tokens` are none. */
export class SecretKeys {
  readonly #words: readonly string[];
  readonly #known = new Map<string, boolean>();
  readonly #hint: RegExp;

  /** @param more further names; with "!" before it, one that is not to be masked */
  constructor(more: readonly string[] = []) {
    const kept = new Set(more.filter((key) => key.startsWith("!")).map((key) => words(key)));
    const all = [...defaultSecretKeys, ...more.filter((key) => !key.startsWith("!"))].map(words);
    this.#words = all.filter((each) => !kept.has(each));
    const hints = this.#words.map(longestWord);
    this.#hint = new RegExp(hints.length === 0 ? "(?!)" : hints.join("|"), "i");
  }

  /** False when no name in the text is one of these; to be asked before any work. */
  mayBeIn(text: string): boolean {
    return this.#hint.test(text);
  }

  has(name: string): boolean {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const spoken = words(name);
    const is = this.#words.some((each) => spoken.includes(each));
    // Names of fields are few, those of keys in somebody's data may be many.
    if (this.#known.size < 1_000) this.#known.set(name, is);
    return is;
  }
}

function longestWord(spoken: string): string {
  return spoken
    .trim()
    .split(" ")
    .reduce((longest, word) => (word.length > longest.length ? word : longest), "");
}
