/** What can be done with one job, from wherever it is shown; says how it went. */

import type { ApiError } from "../api/api-error.ts";
import { useApp } from "../app-context.ts";

export interface JobActions {
  readonly retry: (id: string) => void;
  readonly runNow: (id: string) => void;
  readonly cancel: (id: string, reason: string) => void;
}

const said: Readonly<Record<string, string>> = {
  due: "is due now",
  cancelled: "is cancelled",
  cancelling: "is told to stop",
  running: "is running already",
  completed: "had completed already",
  failed: "had failed already",
};

export function useJobActions(onDone: () => void): JobActions {
  const { api, tell } = useApp();
  const act = async (id: string, operation: string, body?: object): Promise<void> => {
    try {
      const { result } = await api.post<{ result: string }>(`tasks/${id}/${operation}`, body);
      tell(`Job ${id} ${said[result] ?? result}.`);
      onDone();
    } catch (error) {
      const { message, nextStep } = error as ApiError; // why: the client throws no other
      tell([message, nextStep].filter(Boolean).join(" "), "failed");
    }
  };
  return {
    retry: (id) => void act(id, "retry"),
    runNow: (id) => void act(id, "run-now"),
    cancel: (id, reason) => void act(id, "cancel", reason === "" ? {} : { reason }),
  };
}
