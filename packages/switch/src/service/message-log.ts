/** A log of OpenFlow messages, one by one, as people debug controllers with. */

/** Where messages are written while somebody wants to read them. */
export interface MessageLog {
  /** Whether somebody does; asked for every message. */
  readonly isOn: boolean;
  /** @param text - makes the text, if there is room for it */
  write(text: () => string): void;
}

/** Nobody reads. */
export const NO_MESSAGE_LOG: MessageLog = { isOn: false, write: () => undefined };
