/** The frame around the screens: navigation, keys that hold everywhere, words at the edge. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ApiClient } from "./api/api-client.ts";
import type { SessionRecord } from "./api/records.ts";
import { type AppContext, AppProvider } from "./app-context.ts";
import { ThemeSwitch } from "./appearance/theme-switch.tsx";
import { HelpDialog } from "./keyboard/help-dialog.tsx";
import { useKeys } from "./keyboard/use-keys.ts";
import { LiveFeed } from "./live/live-feed.ts";
import { useConnection } from "./live/use-connection.ts";
import { goTo } from "./routing/go-to.ts";
import { href, type Screen } from "./routing/route.ts";
import { useBack } from "./routing/use-back.ts";
import { useRoute } from "./routing/use-route.ts";
import { ScreenOf } from "./screen-of.tsx";
import { useToasts } from "./toasts.tsx";

export interface AppProps {
  readonly api: ApiClient;
  readonly session: SessionRecord;
  readonly onSignOut: () => void;
}

const places: readonly (readonly [Screen, string, string])[] = [
  ["overview", "Overview", "o"],
  ["jobs", "Jobs", "j"],
  ["tasks", "Tasks", "t"],
  ["crontab", "Crontab", "c"],
  ["errors", "Errors", "e"],
  ["processes", "Processes", "p"],
];

/** Screens that are reached from a list belong to it. */
const within: Readonly<Record<string, Screen>> = { job: "jobs", task: "tasks", add: "tasks" };

export function App({ api, session, onSignOut }: AppProps) {
  const route = useRoute();
  const feed = useMemo(() => new LiveFeed(api.address("events")), [api]);
  const { toasts, tell } = useToasts();
  const [showsHelp, setShowsHelp] = useState(false);
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  const app = useMemo<AppContext>(() => ({ api, feed, session, tell }), [api, feed, session, tell]);
  useGlobalKeys(() => setShowsHelp(true), useBack(route));
  usePageTitle(route.screen, route.id, main);
  return (
    <AppProvider value={app}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <TopBar
        screen={route.screen}
        feed={feed}
        session={session}
        onHelp={() => setShowsHelp(true)}
        onSignOut={onSignOut}
      />
      <main id="main" ref={main} tabIndex={-1}>
        <ScreenOf key={`${route.screen} ${route.id}`} route={route} />
      </main>
      {toasts}
      {showsHelp && <HelpDialog onClose={() => setShowsHelp(false)} />}
    </AppProvider>
  );
}

interface TopBarProps {
  readonly screen: string;
  readonly feed: LiveFeed;
  readonly session: SessionRecord;
  readonly onHelp: () => void;
  readonly onSignOut: () => void;
}

function TopBar({ screen, feed, session, onHelp, onSignOut }: TopBarProps) {
  const isLive = useConnection(feed);
  return (
    <header class="top-bar">
      <a class="brand" href={href("overview")}>
        taskrun
      </a>
      <nav aria-label="Screens">
        {places.map(([place, label, key]) => (
          <a
            key={place}
            href={href(place)}
            title={`g ${key}`}
            {...((within[screen] ?? screen) === place ? { "aria-current": "page" as const } : {})}
          >
            {label}
          </a>
        ))}
      </nav>
      <div class="top-tools">
        <span class={isLive ? "live" : "live polling"} role="status">
          {isLive ? "live" : "asking"}
        </span>
        <ThemeSwitch />
        <button type="button" class="plain" aria-label="Keys" title="Keys (?)" onClick={onHelp}>
          ?
        </button>
        {session.needs_token && (
          <button type="button" class="small" title={session.name ?? ""} onClick={onSignOut}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

function useGlobalKeys(help: () => void, back: () => void): void {
  const go = (screen: Screen) => () => {
    goTo(href(screen));
  };
  useKeys({
    "?": help,
    ...Object.fromEntries(places.map(([place, , key]) => [`g ${key}`, go(place)])),
    "g a": go("tasks"),
    Escape: back,
  });
  useLayoutEffect(() => {
    const leave = (event: KeyboardEvent): void => {
      const { target } = event;
      if (event.key !== "Escape" || !(target instanceof HTMLElement)) return;
      if (!target.matches("input, textarea, select")) return;
      if (target.closest("dialog") !== null) return;
      target.blur();
      event.preventDefault();
    };
    // Before the keys of the page, which would go back.
    addEventListener("keydown", leave, { capture: true });
    return () => removeEventListener("keydown", leave, { capture: true });
  }, []);
}

/** The document is called like its screen, and a screen reader begins at the new one. */
function usePageTitle(
  screen: string,
  id: string,
  main: { readonly current: HTMLElement | null },
): void {
  const isFirst = useRef(true);
  // With the screen: later it would take the focus from where somebody has put it meanwhile.
  useLayoutEffect(() => {
    document.title = [id === "" ? screen : `${screen} ${id}`, "taskrun"].join(" · ");
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    if (!isFirst.current) scrollTo({ top: 0 });
    isFirst.current = false;
  }, [screen, id]);
}
