/** A log of OpenFlow messages, one by one, as people debug controllers with. */

/** Where messages are written while somebody wants to read them. */
export interface MessageLog {
  /** Whether somebody does; asked for every message, and no text is made while it is off. */
  readonly isOn: boolean;
  write(text: string): void;
}

/** Nobody reads. */
export const NO_MESSAGE_LOG: MessageLog = { isOn: false, write: () => undefined };
