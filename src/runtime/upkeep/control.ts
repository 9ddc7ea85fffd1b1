/**
 * Reads what comes on the control channel and hands it to whoever it is for. A message only says
 * that there is something to look at in the database: one that is lost costs time, no more.
 * What nobody here knows, perhaps of a newer taskrun in the fleet, is passed over.
 *
 *   {"kind": "cancel", "job": "17"}   a running job is to be cancelled
 *   {"kind": "gates"}                 pauses or breakers have changed
 *   {"kind": "due", "inMs": [0, 1000]}  jobs of a dead process are due then, counted from now
 */

export interface ControlListeners {
  readonly cancel: () => void;
  readonly gates: () => void;
  readonly due: (inMs: number) => void;
}

/** Takes messages as they come. Never throws. */
export function listenToControl(listeners: ControlListeners): (message: string) => void {
  return (message) => {
    const { kind, inMs } = read(message);
    switch (kind) {
      case "cancel":
        return listeners.cancel();
      case "gates":
        return listeners.gates();
      case "due":
        if (!Array.isArray(inMs)) return;
        for (const each of inMs) if (typeof each === "number") listeners.due(each);
    }
  };
}

function read(message: string): { readonly kind?: unknown; readonly inMs?: unknown } {
  try {
    return JSON.parse(message) ?? {};
  } catch {
    // Anybody may notify on a channel.
    return {};
  }
}
