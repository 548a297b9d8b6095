/**
 * The live state of the cloud, as a React hook.
 *
 * Reads the state once, then follows server-sent events. When the connection breaks, the last state
 * stays on the page and the hook tries again, after 1, 2, 4 and then every 8 s, or at once on demand.
 */
import { useCallback, useEffect, useState } from "react";
import type { State } from "./api.ts";

/** How the page stands with its server. */
export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly problem: string; readonly sinceMs: number; readonly retryAtMs: number };

/** What {@link useCloud} knows. */
export interface Cloud {
  /** The last state seen, `undefined` before the first. */
  readonly state: State | undefined;
  readonly connection: Connection;
  /** Tries to connect now. */
  readonly retry: () => void;
}

const LONGEST_WAIT_MS = 8000;

/** Follows the server's state for as long as the component is mounted. */
export function useCloud(): Cloud {
  const [state, setState] = useState<State>();
  const [connection, setConnection] = useState<Connection>({ kind: "connecting" });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const follower = followState({ onState: setState, onConnection: setConnection });
    return () => follower.stop();
  }, [attempt]);

  const retry = useCallback(() => setAttempt((n) => n + 1), []);
  return { state, connection, retry };
}

interface Listener {
  readonly onState: (state: State) => void;
  readonly onConnection: (connection: Connection) => void;
}

function followState({ onState, onConnection }: Listener): { stop(): void } {
  const abort = new AbortController();
  let events: EventSource | undefined;
  let timer: number | undefined;
  let nFailures = 0;
  let lostAtMs = 0;

  const fail = (problem: string): void => {
    events?.close();
    if (abort.signal.aborted) return;
    if (nFailures === 0) lostAtMs = Date.now();
    const waitMs = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** nFailures++);
    onConnection({ kind: "lost", problem, sinceMs: lostAtMs, retryAtMs: Date.now() + waitMs });
    timer = window.setTimeout(open, waitMs);
  };
  const open = async (): Promise<void> => {
    try {
      onState(await fetchState(abort.signal));
      events = new EventSource("/api/events");
      events.addEventListener("open", () => {
        nFailures = 0;
        onConnection({ kind: "live" });
      });
      events.addEventListener("state", (event) => onState(JSON.parse(event.data) as State));
      events.addEventListener("error", () => fail("the server closed the connection"));
    } catch (error) {
      fail(error instanceof TypeError ? "the server does not answer" : error instanceof Error ? error.message : String(error));
    }
  };
  void open();
  return {
    stop: () => {
      abort.abort();
      events?.close();
      window.clearTimeout(timer);
    },
  };
}

async function fetchState(signal: AbortSignal): Promise<State> {
  const response = await fetch("/api/state", { signal });
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim());
  return (await response.json()) as State;
}
