/** Light or dark: as the system has it, until somebody chooses. Kept in this browser. */

export const themes = ["system", "light", "dark"] as const;

export type Theme = (typeof themes)[number];

const key = "taskrun.theme";

export function readTheme(): Theme {
  try {
    return themes.find((one) => one === localStorage.getItem(key)) ?? "system";
  } catch {
    return "system";
  }
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(key, theme);
  } catch {
    // It holds as long as the page is open.
  }
}
