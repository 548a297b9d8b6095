/** A titled section of the page. */
import type { ReactElement, ReactNode } from "react";

/** What a {@link Panel} shows: a title, an aside at its right end, and the content. */
export interface PanelProps {
  readonly id: string;
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A section with a heading that names it for assistive technology, too. */
export function Panel({ id, title, aside, children }: PanelProps): ReactElement {
  return (
    <section className="panel" id={id} aria-labelledby={`${id}-title`}>
      <header className="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {aside === undefined ? null : <div className="panel-aside">{aside}</div>}
      </header>
      <div className="panel-body">{children}</div>
    </section>
  );
}

/** What a panel says when it has nothing to show: the fact, and what would change it. */
export function Empty({ children }: { readonly children: ReactNode }): ReactElement {
  return <p className="empty">{children}</p>;
}
