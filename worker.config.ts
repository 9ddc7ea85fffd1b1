// The settings of this project. Every line may go: flags and the environment win over this
// file, and each option has a default (`npx taskrun --help` lists them all).
import { defineConfig } from "taskrun";

export default defineConfig({
  // Attempts at the same time in one process. TASKRUN_CONCURRENCY, --concurrency, -j.
  concurrency: 10,
  // How long a stop lets handlers end before ctx.signal aborts.
  shutdownGrace: "5s",
  // Never logged, wherever payloads are.
  redact: ["payload.password", "payload.token"],
  // Policies of every task that doesn't set its own.
  defaults: {
    retry: { strategy: "exponential", baseDelay: "1s", maxDelay: "5m", maxAttempts: 3 },
    timeout: "30s",
  },
});
