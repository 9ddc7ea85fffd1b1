/**
 * Reads what comes on the control channel and hands it to whoever it is for. A message only says
 * that there is something to look at in the database: one that is lost costs time, no more.
 * What nobody here knows, perhaps of a newer taskrun in the fleet, is passed over.
 *
 *   {"kind": "cancel", "job": "17"}   a running job is to be cancelled
 *   {"kind": "gates"}                 pauses or breakers have changed
 */

export interface ControlListeners {
  readonly cancel: () => void;
  readonly gates: () => void;
}

/** Takes messages as they come. Never throws. */
export function listenToControl(listeners: ControlListeners): (message: string) => void {
  return (message) => {
    switch (kindOf(message)) {
      case "cancel":
        return listeners.cancel();
      case "gates":
        return listeners.gates();
    }
  };
}

function kindOf(message: string): unknown {
  try {
    return JSON.parse(message)?.kind;
  } catch {
    // Anybody may notify on a channel.
    return null;
  }
}
