/** Small line drawings; each one sits next to a text, so all are hidden from assistive technology. */
import type { ReactElement, ReactNode } from "react";

function Icon({ children }: { readonly children: ReactNode }): ReactElement {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
      {children}
    </svg>
  );
}

/** Something works, is open, is in force. */
export function CheckIcon(): ReactElement {
  return (
    <Icon>
      <path d="M3 8.5 6.5 12 13 4.5" />
    </Icon>
  );
}

/** Something does not work, is closed, was dropped. */
export function CrossIcon(): ReactElement {
  return (
    <Icon>
      <path d="M4 4l8 8M12 4l-8 8" />
    </Icon>
  );
}

/** Someone should look at this. */
export function WarningIcon(): ReactElement {
  return (
    <Icon>
      <path d="M8 2.2 14.6 13.6H1.4z" />
      <path d="M8 6.4v3.4M8 11.6v.4" />
    </Icon>
  );
}

/** Closed; turned by a quarter when what it stands for is open. */
export function ChevronIcon(): ReactElement {
  return (
    <Icon>
      <path d="M6 3.5 10.5 8 6 12.5" />
    </Icon>
  );
}

/** From here to there. */
export function ArrowIcon(): ReactElement {
  return (
    <Icon>
      <path d="M2 8h11M9 4l4 4-4 4" />
    </Icon>
  );
}
