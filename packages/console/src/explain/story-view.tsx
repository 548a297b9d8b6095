/** A packet's story: verdict, the row that decided and who wrote it, the cache entry, both pipelines. */
import { type ReactElement, useState } from "react";
import type { Cause } from "../api.ts";
import { breakable, formatAge, formatDateTime, formatValue, shortUuid } from "../format.ts";
import { CheckIcon, CrossIcon } from "../icons.tsx";
import { namedReferences, summaryBeside } from "./cause-text.ts";
import { Pipelines, type PipelinesProps } from "./pipelines.tsx";

/** Everything known about one packet. */
export function StoryView(props: PipelinesProps): ReactElement {
  const { story, names } = props;
  const isForwarded = story.verdict === "forwarded";
  return (
    <article className="story">
      <header className={isForwarded ? "verdict forwarded" : "verdict dropped"}>
        <span className="verdict-word">
          {isForwarded ? <CheckIcon /> : <CrossIcon />}
          {story.verdict}
        </span>
        <p>{story.summary}</p>
      </header>
      <div className="story-facts">
        {story.cause === undefined ? null : <CauseView cause={story.cause} isForwarded={isForwarded} names={names} />}
        {story.megaflow === undefined ? null : <MegaflowView {...story.megaflow} />}
      </div>
      <Pipelines {...props} />
    </article>
  );
}

interface CauseProps extends Pick<PipelinesProps, "names"> {
  readonly cause: Cause;
  readonly isForwarded: boolean;
}

function CauseView({ cause, isForwarded, names }: CauseProps): ReactElement {
  return (
    <section className="fact" aria-label="Cause">
      <h3>{isForwarded ? "Forwarded because of" : "Dropped because of"}</h3>
      <p>
        <strong>{cause.table}</strong> {summaryBeside(cause)}{" "}
        <span className="mono muted" title={`${cause.table} ${cause.uuid}`}>
          {shortUuid(cause.uuid)}
        </span>
      </p>
      <dl className="columns">
        {Object.entries(cause.columns).map(([column, value]) => (
          <div key={column}>
            <dt>{column}</dt>
            <dd className="mono">{formatValue(namedReferences(value, names.byUuid))}</dd>
          </div>
        ))}
      </dl>
      {cause.transaction === undefined ? (
        <p className="muted">The transaction that wrote it is older than the kept history.</p>
      ) : (
        <TransactionView transaction={cause.transaction} />
      )}
    </section>
  );
}

function TransactionView({ transaction }: { readonly transaction: NonNullable<Cause["transaction"]> }): ReactElement {
  const [nowMs] = useState(() => Date.now());
  return (
    <>
      <h3>Written by</h3>
      <dl className="columns">
        <div>
          <dt>who</dt>
          <dd>{transaction.client}</dd>
        </div>
        <div>
          <dt>when</dt>
          <dd>
            <time dateTime={new Date(transaction.at).toISOString()}>{formatDateTime(transaction.at)}</time>{" "}
            <span className="muted">({formatAge(transaction.at, nowMs)})</span>
          </dd>
        </div>
        <div>
          <dt>comment</dt>
          <dd>{transaction.comment === "" ? <span className="muted">none</span> : transaction.comment}</dd>
        </div>
        <div>
          <dt>transaction</dt>
          <dd className="mono muted" title={transaction.id}>
            {shortUuid(transaction.id)}
          </dd>
        </div>
      </dl>
    </>
  );
}

function MegaflowView({ match, actions }: { readonly match: string; readonly actions: string }): ReactElement {
  return (
    <section className="fact" aria-label="Megaflow">
      <h3>Cached as megaflow</h3>
      <p className="muted">Packets that agree in these fields share this fate without a further look.</p>
      <dl className="columns">
        <div>
          <dt>match</dt>
          <dd className="mono wrap">{breakable(match)}</dd>
        </div>
        <div>
          <dt>actions</dt>
          <dd className={actions === "drop" ? "mono wrap bad" : "mono wrap"}>{breakable(actions)}</dd>
        </div>
      </dl>
    </section>
  );
}
