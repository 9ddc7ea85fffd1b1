#!/usr/bin/env node
// The command's first step. Plain, old JavaScript on purpose: on a Node that is too old
// it must still be able to say so instead of failing on syntax.
var [major, minor] = process.versions.node.split(".").map(Number);
// `init` runs on Node 20 too: the project that it writes brings a newer one.
var isInit = process.argv[2] === "init" && (major > 20 || (major === 20 && minor >= 19));
if (!isInit && (major < 22 || (major === 22 && minor < 22))) {
  console.error(
    "taskrun needs Node 22.22 or newer; this is Node " +
      process.versions.node +
      " (" +
      process.execPath +
      ").\nEither install a newer Node, or run `npm install --save-dev node@24`:" +
      " npx and npm scripts then use that one.",
  );
  process.exit(69);
}
// What V8 has compiled once is kept for the next start. NODE_DISABLE_COMPILE_CACHE turns it off.
var knowsModules = typeof process.getBuiltinModule === "function";
var modules = knowsModules ? process.getBuiltinModule("node:module") : {};
if (typeof modules.enableCompileCache === "function") modules.enableCompileCache();
import("../dist/cli/main.js").then(
  (cli) => cli.main(process.argv.slice(2)),
  (error) => {
    if (error.code === "ERR_MODULE_NOT_FOUND" && /dist[\\/]cli[\\/]main\.js/.test(error.message)) {
      console.error("taskrun is not built yet: run `npm run build` in its folder.");
      process.exit(69);
    }
    throw error;
  },
);
