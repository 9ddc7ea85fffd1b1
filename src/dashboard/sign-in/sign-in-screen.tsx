/** Asks for a token, once: the server makes a cookie of it that no script can read. */

import { useState } from "preact/hooks";
import type { ApiClient } from "../api/api-client.ts";
import type { ApiError } from "../api/api-error.ts";

export interface SignInScreenProps {
  readonly api: ApiClient;
  readonly onSignedIn: () => void;
}

export function SignInScreen({ api, onSignedIn }: SignInScreenProps) {
  const [token, setToken] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [isAsking, setAsking] = useState(false);
  const signIn = async (): Promise<void> => {
    setAsking(true);
    setError(null);
    try {
      await api.post("session", { token: token.trim() });
      onSignedIn();
    } catch (failed) {
      setError(failed as ApiError); // why: the client throws no other
      setAsking(false);
    }
  };
  return (
    <main class="sign-in">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void signIn();
        }}
      >
        <h1>taskrun</h1>
        <label class="field" htmlFor="token">
          <span class="label">Token</span>
          <input
            id="token"
            type="password"
            autoComplete="current-password"
            required
            value={token}
            aria-describedby="token-hint"
            aria-invalid={error !== null}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        <p class="hint" id="token-hint">
          Whoever runs this server makes one: <code>npx taskrun token create NAME</code>. To change
          jobs it needs <code>--scope read,enqueue,operate</code>.
        </p>
        {error !== null && (
          <p class="fault" role="alert">
            {error.message} {error.nextStep}
          </p>
        )}
        <button type="submit" class="primary" disabled={isAsking || token.trim() === ""}>
          Sign in
        </button>
      </form>
    </main>
  );
}
