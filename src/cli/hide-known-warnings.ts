/**
 * Keeps warnings away that a user of taskrun can do nothing about: Node's on the features that
 * taskrun itself builds on. Every other warning is printed as Node prints it.
 */

/** Experimental features we use by choice, and advice that only concerns start-up speed. */
function isKnown(warning: Error & { readonly code?: unknown }): boolean {
  if (warning.code === "MODULE_TYPELESS_PACKAGE_JSON") return true;
  return (
    warning.name === "ExperimentalWarning" &&
    /type stripping|vm modules|vm\.(source|synthetic)|stripTypeScriptTypes/i.test(warning.message)
  );
}

/** Call it once, before anything else is loaded. */
export function hideKnownWarnings(): void {
  const printers = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (isKnown(warning)) return;
    for (const print of printers) print(warning);
  });
}
