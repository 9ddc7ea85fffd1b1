/** The whole page: finds out who asks, then shows the app or asks for a token. */

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { ApiClient } from "./api/api-client.ts";
import { ApiError } from "./api/api-error.ts";
import type { SessionRecord } from "./api/records.ts";
import { App } from "./app.tsx";
import { ClockProvider, useTicking } from "./controls/moment.tsx";
import { Fault } from "./controls/notice.tsx";
import { KeyboardProvider, useNewKeyboard } from "./keyboard/use-keys.ts";
import { SignInScreen } from "./sign-in/sign-in-screen.tsx";

type Door =
  | { readonly is: "unknown" }
  | { readonly is: "closed" }
  | { readonly is: "open"; readonly session: SessionRecord }
  | { readonly is: "faulty"; readonly error: ApiError };

const askAgainMs = 3_000;

export function Dashboard({ root }: { root: string }) {
  const [door, setDoor] = useState<Door>({ is: "unknown" });
  const api = useMemo(
    () => new ApiClient({ root, onSignedOut: () => setDoor({ is: "closed" }) }),
    [root],
  );
  const knock = useCallback(async () => {
    try {
      const session = await api.get<SessionRecord>("session");
      setDoor({ is: "open", session });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 401) setDoor({ is: "faulty", error });
    }
  }, [api]);
  useEffect(() => void knock(), [knock]);
  useEffect(() => {
    if (door.is !== "faulty") return;
    const timer = setTimeout(knock, askAgainMs);
    return () => clearTimeout(timer);
  }, [door, knock]);
  const now = useTicking();
  const keyboard = useNewKeyboard();
  return (
    <KeyboardProvider value={keyboard}>
      <ClockProvider value={now}>{contentOf(door, api, knock)}</ClockProvider>
    </KeyboardProvider>
  );
}

function contentOf(door: Door, api: ApiClient, knock: () => Promise<void>) {
  if (door.is === "open") {
    const signOut = async (): Promise<void> => {
      await api.send("DELETE", "session").catch(() => null);
      await knock();
    };
    return <App api={api} session={door.session} onSignOut={signOut} />;
  }
  if (door.is === "closed") return <SignInScreen api={api} onSignedIn={knock} />;
  if (door.is === "unknown") return <p class="starting">Starting…</p>;
  return (
    <main class="sign-in">
      <Fault error={door.error} reload={knock} />
    </main>
  );
}
