/** The top bar: which cloud, how it runs, whether what the page shows is live. */
import { type ReactElement, useEffect, useState } from "react";
import type { State } from "./api.ts";
import { formatDuration, formatTime, plural } from "./format.ts";
import { CheckIcon, WarningIcon } from "./icons.tsx";
import type { Connection } from "./use-cloud.ts";

/** The top bar's view of the cloud and of the connection. */
export interface HeaderProps {
  readonly state: State | undefined;
  readonly connection: Connection;
  readonly retry: () => void;
}

/** The bar itself, and under it a strip while the connection is lost. */
export function Header({ state, connection, retry }: HeaderProps): ReactElement {
  const nowMs = useNow();
  return (
    <header className="top">
      <div className="top-bar">
        <h1>
          <img src="/favicon.svg" alt="" width="22" height="22" /> Tenet
        </h1>
        {state === undefined ? null : <CloudFacts state={state} nowMs={nowMs} />}
        <ConnectionMark connection={connection} />
      </div>
      {connection.kind === "lost" ? <LostStrip connection={connection} nowMs={nowMs} retry={retry} /> : null}
    </header>
  );
}

function CloudFacts({ state, nowMs }: { readonly state: State; readonly nowMs: number }): ReactElement {
  const nUp = state.ports.filter((port) => port.up).length;
  return (
    <ul className="facts">
      <li className="cloud-name">{state.name}</li>
      {state.hosts.length === 0 ? null : (
        <li>{state.mode === "namespaces" ? "hosts are network namespaces" : "hosts are simulated in the process"}</li>
      )}
      <li>{state.hosts.length === 0 ? "no hosts" : plural(state.hosts.length, "host")}</li>
      <li>{state.ports.length === 0 ? "no ports" : `${nUp} of ${plural(state.ports.length, "port")} up`}</li>
      <li>running for {formatDuration(nowMs - state.startedAt)}</li>
    </ul>
  );
}

function ConnectionMark({ connection }: { readonly connection: Connection }): ReactElement {
  if (connection.kind === "live") {
    return (
      <p className="connection good">
        <CheckIcon /> live
      </p>
    );
  }
  return connection.kind === "connecting" ? (
    <p className="connection">connecting…</p>
  ) : (
    <p className="connection bad">
      <WarningIcon /> not live
    </p>
  );
}

type Lost = Extract<Connection, { kind: "lost" }>;

function LostStrip(props: { readonly connection: Lost; readonly nowMs: number; readonly retry: () => void }): ReactElement {
  const { connection, nowMs, retry } = props;
  const seconds = Math.max(0, Math.ceil((connection.retryAtMs - nowMs) / 1000));
  return (
    <div className="lost" role="alert">
      <WarningIcon />
      <span>
        Connection lost: {connection.problem}. What you see is as of {formatTime(connection.sinceMs)}.
      </span>
      <span className="countdown" aria-live="off">
        {seconds === 0 ? "Retrying…" : `Retrying in ${seconds} s`}
      </span>
      <button type="button" onClick={retry}>
        Retry now
      </button>
    </div>
  );
}

function useNow(): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNowMs(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, []);
  return nowMs;
}
