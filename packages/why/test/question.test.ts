import { formatQuestion, parseQuestion, type Question, QuestionError } from "@tenet/why";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** A question without its offsets. */
function shapeOf(question: Question): unknown {
  return JSON.parse(JSON.stringify(question, (key, value: unknown) => (key === "at" ? undefined : value)));
}

describe("questions that read", () => {
  test.each([
    ["web1 -> db1 tcp 5432", "web1 -> db1 tcp 5432"],
    ["web1->db1   UDP 53", "web1 -> db1 udp 53"],
    ["web1 → db1", "web1 -> db1 icmp"],
    ["web1 -> db1 ping", "web1 -> db1 icmp"],
    ["web1 -> db1 icmp6", "web1 -> db1 icmp6"],
    ["web1 -> db1 tcp6 443 from 40000", "web1 -> db1 tcp6 443 from 40000"],
    ["web1 -> db1 arp", "web1 -> db1 arp"],
    ["web1 as 10.0.0.9 -> db1 sctp 9", "web1 as 10.0.0.9 -> db1 sctp 9"],
    ["web1 as 0a:00:00:00:00:09 , 10.0.0.9 -> db1", "web1 as 0a:00:00:00:00:09,10.0.0.9 -> db1 icmp"],
    ["web1 -> fd00::2 as 0a:00:00:00:00:02 nd", "web1 -> fd00::2 as 0a:00:00:00:00:02 nd"],
    ["web1 -> broadcast udp 67", "web1 -> broadcast udp 67"],
    ['"web 1" -> "broadcast"', '"web 1" -> "broadcast" icmp'],
    ['web1 -> "10.0.0.1" tcp 1', 'web1 -> "10.0.0.1" tcp 1'],
    ["web-1->db-1", "web-1 -> db-1 icmp"],
    [String.raw`"a\b\"c" -> b`, String.raw`"ab\"c" -> b icmp`],
    [" in_port=1,tcp,tp_dst=80 ", "in_port=1,tcp,tp_dst=80"],
    ["tcp,in_port=web1", "tcp,in_port=web1"],
    ["Answer  to web1 -> db1 tcp 80", "answer to web1 -> db1 tcp 80"],
    ["answer -> to", "answer -> to icmp"],
  ])("%s", (text, normal) => {
    expect(formatQuestion(parseQuestion(text))).toBe(normal);
    expect(shapeOf(parseQuestion(normal))).toEqual(shapeOf(parseQuestion(text)));
  });
});

describe("questions that do not", () => {
  test.each([
    ["", 1, "the name of a logical port"],
    ["web1", 5, "->"],
    ["web1 db1", 6, "->"],
    ["web1 ->", 8, "a port, a host, an address or broadcast"],
    ["-> db1", 1, "the name of a logical port"],
    ["10.0.0.1 -> db1", 1, "the name of a logical port"],
    ["web1 -> db1 tcp", 16, "the destination port, 1 to 65535"],
    ["web1 -> db1 tcp 0", 17, "the destination port"],
    ["web1 -> db1 tcp 65536", 17, "the destination port"],
    ["web1 -> db1 tcp http", 17, "the destination port"],
    ["web1 -> db1 udp 53 from", 24, "the source port"],
    ["web1 -> db1 tpc 80", 13, "tcp, udp"],
    ["web1 -> db1 icmp 8", 18, "the end of the question"],
    ["web1 as db1 -> db1", 9, "an Ethernet or IP address"],
    ["web1 as 10.0.0.1, -> db1", 19, "an Ethernet or IP address"],
    ['web1 -> "db1', 9, 'a closing "'],
    ["web1 -> db1 -> app1", 13, "tcp, udp"],
  ])("%s", (text, column, expected) => {
    const read = (): Question => parseQuestion(text);
    expect(read).toThrow(QuestionError);
    try {
      read();
    } catch (error) {
      expect(error).toMatchObject({ at: { file: "question", line: 1, column } });
      expect((error as QuestionError).expected).toContain(expected);
    }
  });

  test("a near miss of a protocol is named", () => {
    expect(() => parseQuestion("web1 -> db1 tcpp 80")).toThrow(expect.objectContaining({ hint: 'did you mean "tcp"?' }));
  });
});

const word = fc.oneof(
  fc.constantFrom(
    "web1",
    "as",
    "from",
    "tcp",
    "broadcast",
    "->",
    "10.0.0.1",
    "fd00::1",
    "0a:00:00:00:00:01",
    ",",
    "a b",
    'q"q',
    "\\",
    "→",
    "",
  ),
  fc.string(),
);
const place = (kinds: readonly string[]) =>
  fc
    .record({ text: word, kind: fc.constantFrom(...kinds) })
    .map(({ text, kind }) => ({ text: EXAMPLES[kind] ?? text, kind: kind as "name", at: 0 }));
const EXAMPLES: Readonly<Record<string, string>> = {
  mac: "0a:00:00:00:00:07",
  ip4: "192.0.2.1",
  ip6: "2001:db8::1",
  broadcast: "broadcast",
};
const party = (kinds: readonly string[]) =>
  fc.record({ place: place(kinds), as: fc.array(place(["mac", "ip4", "ip6"]), { maxLength: 3 }) });
const port = fc.integer({ min: 1, max: 65535 });
const protocol = fc.oneof(
  fc.record(
    {
      name: fc.constantFrom("tcp" as const, "udp" as const, "sctp" as const),
      family: fc.constant(6 as const),
      port,
      sourcePort: port,
    },
    { requiredKeys: ["name", "port"] },
  ),
  fc.record({ name: fc.constant("icmp" as const), family: fc.constant(6 as const) }, { requiredKeys: ["name"] }),
  fc.record({ name: fc.constantFrom("arp" as const, "nd" as const) }),
);

test("what is written reads back the same", () => {
  const question = fc.record({
    kind: fc.constant("packet" as const),
    isAnswer: fc.boolean(),
    from: party(["name"]),
    to: party(["name", "mac", "ip4", "ip6", "broadcast"]),
    protocol,
  });
  fc.assert(
    fc.property(question, (asked) => {
      // A name with "in_port=" in it makes the text read as a flow only without an arrow, and there is one.
      expect(shapeOf(parseQuestion(formatQuestion(asked)))).toEqual(shapeOf(asked));
    }),
  );
});

test("any text reads or throws a QuestionError with a place inside it", () => {
  const text = fc.oneof(
    fc.string(),
    fc.array(word).map((words) => words.join(" ")),
    fc.array(word).map((words) => words.join("")),
  );
  fc.assert(
    fc.property(text, (question) => {
      try {
        parseQuestion(question);
      } catch (error) {
        expect(error).toBeInstanceOf(QuestionError);
        const { line, column } = (error as QuestionError).at;
        const lines = question.split("\n");
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 1);
      }
    }),
    { numRuns: 1000 },
  );
});
