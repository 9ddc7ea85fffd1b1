// Runs after `npm ci` in a checkout of taskrun itself: npm links the commands of dependencies,
// but not a project's own, so `npx taskrun` would have to set up a second copy of it first.
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";

const folder = new URL("../node_modules/.bin/", import.meta.url);
const command = new URL("taskrun", folder);
if (!existsSync(command)) {
  mkdirSync(folder, { recursive: true });
  if (process.platform === "win32") {
    writeFileSync(new URL("taskrun.cmd", folder), '@node "%~dp0\\..\\..\\bin\\taskrun.js" %*\r\n');
  } else {
    symlinkSync("../../bin/taskrun.js", command);
  }
}
