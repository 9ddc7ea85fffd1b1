/** Pauses and resumes: a task, a queue, or everything. */

import type { ApiError } from "../api/api-error.ts";
import { useApp } from "../app-context.ts";

export interface Gate {
  readonly pause: (body: object, what: string) => void;
  readonly resume: (body: object, what: string) => void;
}

export function useGate(onDone: () => void): Gate {
  const { api, tell } = useApp();
  const act = async (path: string, body: object, done: string): Promise<void> => {
    try {
      await api.post(path, body);
      tell(done);
      onDone();
    } catch (error) {
      const { message } = error as ApiError; // why: the client throws no other
      tell(message, "failed");
    }
  };
  return {
    pause: (body, what) => void act("pause", body, `${what} is paused: no process fetches it.`),
    resume: (body, what) => void act("resume", body, `${what} goes on.`),
  };
}
