/** How deep a JSON text is nested, told before anybody parses it or walks through it. */

/** The first place at which brackets are nested deeper than `most`; null when none is. */
export function tooDeepAt(json: string, most: number): number | null {
  let depth = 0;
  for (let place = 0; place < json.length; place += 1) {
    switch (json.charCodeAt(place)) {
      case quote:
        place = endOfText(json, place);
        break;
      case openBracket:
      case openBrace:
        depth += 1;
        if (depth > most) return place;
        break;
      case closeBracket:
      case closeBrace:
        depth -= 1;
    }
  }
  return null;
}

/** The place of the quote that ends the text; a text that nothing ends goes to the end. */
function endOfText(json: string, start: number): number {
  for (let place = start + 1; place < json.length; place += 1) {
    const code = json.charCodeAt(place);
    if (code === backslash) place += 1;
    else if (code === quote) return place;
  }
  return json.length;
}

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
