/** Goes round: as the system has it, light, dark. */

import { useState } from "preact/hooks";
import { applyTheme, readTheme, themes } from "./theme.ts";

const marks = { system: "◐", light: "☀", dark: "☾" };

export function ThemeSwitch() {
  const [theme, setTheme] = useState(readTheme);
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "system";
  return (
    <button
      type="button"
      class="plain"
      title={`Colours: ${theme}`}
      aria-label={`Colours: ${theme}. Change to ${next}.`}
      onClick={() => {
        applyTheme(next);
        setTheme(next);
      }}
    >
      {marks[theme]}
    </button>
  );
}
