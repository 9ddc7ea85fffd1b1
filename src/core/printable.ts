/**
 * Texts of others as a terminal may get them: what would move the cursor, change a title or turn
 * the direction of the text is written out instead. Owns which characters these are.
 */

// Line ends and tabs stay. The last range overrides the direction of what follows.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** `\u001b[2J` is shown as `\x1b[2J`. */
export function printable(text: string): string {
  return text.replaceAll(controls, written);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape is what a colour begins with
const colour = /(\u001b\[[\d;]*m)/;

/** The same for a text with colours of ours in it, which stay. */
export function printableColoured(text: string): string {
  if (text.search(controls) === -1) return text;
  return text
    .split(colour)
    .map((part, place) => (place % 2 === 1 ? part : printable(part)))
    .join("");
}

/** A line of JSON whose strings, once read, have control characters written out. */
export function controlsAsText(line: string): string {
  const escaped = line.replaceAll(/\\(?:u00([01][\da-f])|(.))/gi, (whole, code, other) => {
    if (code !== undefined && !"090a0d".includes(code.toLowerCase())) return `\\\\x${code}`;
    return other === "b" || other === "f" ? `\\\\x${other === "b" ? "08" : "0c"}` : whole;
  });
  return escaped.replaceAll(raw, (character) => `\\\\${written(character).slice(1)}`);
}

/** What JSON leaves as it is. */
const raw = /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

function written(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}
