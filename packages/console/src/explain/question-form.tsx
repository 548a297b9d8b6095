/** The question, as selectors and as text; whichever was touched last counts, and the other follows. */
import { type FormEvent, type ReactElement, useEffect, useRef, useState } from "react";
import { ArrowIcon } from "../icons.tsx";
import { formatQuestion, parseQuestion, type Protocol, type Question } from "../question.ts";

/** What can be chosen, and where the question goes. */
export interface QuestionFormProps {
  /** Names of hosts, or of logical ports where there are no hosts. */
  readonly hosts: readonly string[];
  /** Destination ports to offer. */
  readonly ports: readonly string[];
  /** The question asked last, from wherever on the page. */
  readonly asked: string | undefined;
  readonly isWaiting: boolean;
  readonly ask: (question: string) => void;
}

/** Selectors for sender, receiver, protocol and port over a free text field. */
export function QuestionForm({ hosts, ports, asked, isWaiting, ask }: QuestionFormProps): ReactElement {
  const [text, setText] = useState(() => asked ?? (hosts.length === 0 ? "" : formatQuestion(firstQuestion(hosts, ports))));
  const [lastAsked, setLastAsked] = useState(asked);
  if (asked !== lastAsked) {
    setLastAsked(asked);
    if (asked !== undefined) setText(asked);
  }
  const textField = useSlashFocus();
  const question = parseQuestion(text) ?? firstQuestion(hosts, ports);
  const change = (part: Partial<Question>): void => setText(formatQuestion({ ...question, ...part }));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() !== "") ask(text.trim());
  };
  return (
    <form className="question" onSubmit={submit}>
      <Selector label="From" value={question.from} options={hosts} onChange={(from) => change({ from })} />
      <span className="between">
        <ArrowIcon />
      </span>
      <Selector
        label="To"
        value={question.to}
        options={hosts.length === 0 ? hosts : [...hosts, "broadcast"]}
        onChange={(to) => change({ to })}
      />
      <Selector
        label="Protocol"
        value={question.protocol}
        options={["icmp", "tcp", "udp"]}
        onChange={(protocol) => change({ protocol: protocol as Protocol, port: question.port || (ports.at(-1) ?? "80") })}
      />
      <label className="field port">
        <span>Port</span>
        <input
          value={question.protocol === "icmp" ? "" : question.port}
          disabled={question.protocol === "icmp"}
          list="question-ports"
          inputMode="numeric"
          size={6}
          onChange={(event) => change({ port: event.target.value.replace(/\D/g, "").slice(0, 5) })}
        />
        <datalist id="question-ports">
          {ports.map((port) => (
            <option key={port} value={port} />
          ))}
        </datalist>
      </label>
      <label className="field text">
        <span>Or as text</span>
        <input
          ref={textField}
          className="mono"
          value={text}
          spellCheck={false}
          autoComplete="off"
          placeholder="web1 -> db1 tcp 5432"
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <button type="submit" className="primary" disabled={isWaiting || text.trim() === ""}>
        {isWaiting ? "Tracing…" : "Explain"}
      </button>
    </form>
  );
}

interface SelectorProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
}

function Selector({ label, value, options, onChange }: SelectorProps): ReactElement {
  const all = options.includes(value) ? options : [value, ...options];
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} disabled={options.length === 0} onChange={(event) => onChange(event.target.value)}>
        {all.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    </label>
  );
}

function firstQuestion(hosts: readonly string[], ports: readonly string[]): Question {
  const [from = "", to = from] = hosts;
  const port = ports.at(-1);
  return { from, to, protocol: port === undefined ? "icmp" : "tcp", port: port ?? "" };
}

/** Puts the cursor into the field when `/` is pressed outside of any field. */
function useSlashFocus(): React.RefObject<HTMLInputElement | null> {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return field;
}
