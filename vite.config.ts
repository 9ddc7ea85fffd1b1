// Builds the dashboard: src/dashboard → dist/dashboard, which the HTTP server serves at ui/.
import { defineConfig } from "vite";

export default defineConfig({
  root: "src/dashboard",
  // It works beneath any path prefix.
  base: "./",
  publicDir: false,
  build: {
    outDir: "../../dist/dashboard",
    emptyOutDir: true,
    target: ["chrome123", "firefox120", "safari17.5"],
    // What is inlined would be refused by the page's content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  logLevel: "warn",
});
