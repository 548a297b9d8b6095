/** Whole messages as text. */
import { decodeMessage, encodeMessage, formatMessage, parseFlow, parseGroup } from "@tenet/openflow";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { flowArbitrary, sayable } from "./arbitrary-flow.ts";
import { MORE_MESSAGES } from "./more-messages.ts";
import { MESSAGES, VERSIONS } from "./sample-messages.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const FLOW = parseFlow("table=3,priority=5,tcp,tp_dst=80,idle_timeout=3,cookie=7,send_flow_rem,actions=output:1");
const FLOW_TEXT = "ADD table:3 priority=5,tcp,tp_dst=80 cookie:0x7 idle:3 send_flow_rem actions=output:1\n";

test("a flow-mod", () => {
  const bytes = encodeMessage({ type: "flowMod", command: "add", flow: FLOW }, 4, 2);
  expect(formatMessage(bytes)).toBe(`OFPT_FLOW_MOD (OF1.3) (xid=0x2): ${FLOW_TEXT}`);
});

test("an extension is called by its own name", () => {
  const flow = parseFlow("reg0=5,actions=drop");
  expect(formatMessage(encodeMessage({ type: "flowMod", command: "add", flow }, 1, 2))).toBe(
    "NXT_FLOW_MOD (xid=0x2): ADD reg0=0x5 actions=drop\n",
  );
});

test("a message inside a bundle has a line of its own", () => {
  const message = { type: "flowMod", command: "add", flow: FLOW } as const;
  for (const [version, title] of [
    [4, "ONFT_BUNDLE_ADD_MESSAGE (OF1.3)"],
    [5, "OFPT_BUNDLE_ADD_MESSAGE (OF1.4)"],
  ] as const) {
    const text = formatMessage(encodeMessage({ type: "bundleAdd", bundleId: 5, flags: 3, message, xid: 2 }, version, 2));
    expect(text.split("\n").slice(0, 2)).toEqual([`${title} (xid=0x2):`, " bundle_id=0x5 flags=atomic ordered"]);
    expect(text.endsWith(`(xid=0x2): ${FLOW_TEXT}`)).toBe(true);
  }
});

test("an error shows the message at fault, as much of it as there is", () => {
  const fault = encodeMessage(parseGroup("group_id=1,type=all"), 4, 9);
  const error = (data: Uint8Array): string => formatMessage(encodeMessage({ type: "error", errorType: 6, code: 0, data }, 4, 9));
  const head = "OFPT_ERROR (OF1.3) (xid=0x9): OFPGMFC_GROUP_EXISTS\n";
  expect(error(fault)).toBe(`${head}OFPT_GROUP_MOD (OF1.3) (xid=0x9):\n ADD group_id=1,type=all\n`);
  expect(error(fault.slice(0, 12))).toBe(
    `${head}OFPT_GROUP_MOD (OF1.3) (xid=0x9):\n(***truncated to 12 bytes from 16***)\n` +
      "00000000  04 0f 00 10 00 00 00 09-00 00 00 00             |............    |\n",
  );
});

test("of errors about errors a few are shown, and the rest as bytes", () => {
  let bytes: Uint8Array = encodeMessage({ type: "barrierRequest" }, 4, 9);
  for (let n = 0; n < 5000; n++) bytes = encodeMessage({ type: "error", errorType: 1, code: 1, data: bytes }, 4, 9);
  const lines = formatMessage(bytes).split("\n");
  expect(lines.filter((line) => line === "OFPT_ERROR (OF1.3) (xid=0x9): OFPBRC_BAD_TYPE")).toHaveLength(8);
  expect(lines[8]).toMatch(/^00000000  04 01 /);
});

test("what does not decode is shown in hexadecimal", () => {
  expect(formatMessage(hex("0463000800000001"))).toBe(
    "***decode error: OFPBRC_BAD_TYPE***\n00000000  04 63 00 08 00 00 00 01-                        |.c......        |\n",
  );
});

test("every message prints under its name, and nothing in it is taken for a mistake", () => {
  for (const [message, versions] of [...MESSAGES, ...MORE_MESSAGES]) {
    for (const version of versions) {
      const text = formatMessage(encodeMessage(message, version, 42));
      expect(text).toMatch(/^(OFPT|NXT|ONFT|OFPST|NXST|ONFST)_[A-Z0-9_]+( request| reply)? (\(OF1\.[1-5]\) )?\(xid=0x2a\):/);
      if (message.type !== "error") expect(text).not.toContain("***decode error");
      expect(text).toMatch(/[^ ]\n$/);
    }
  }
});

test("random flow-mods print with the match and the actions that they have", () => {
  fc.assert(
    fc.property(flowArbitrary, fc.constantFrom(...VERSIONS), (given, version) => {
      const flow = { ...given, match: sayable(given.match, version) };
      const text = formatMessage(encodeMessage({ type: "flowMod", command: "add", flow }, version, 1));
      expect(text).toMatch(/_FLOW_MOD .*: ADD .*actions=.*\n$/);
    }),
    { numRuns: 200 * inject("effort"), seed: inject("seed") },
  );
});

test("bytes of any kind print", () => {
  const bodies = MESSAGES.flatMap(([message, versions]) => versions.map((version) => encodeMessage(message, version, 42)));
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(...bodies), changes, fc.nat(), (bytes, changed, cut) => {
      const mutated = bytes.slice(0, bytes.length - (cut % 3 === 0 ? cut % bytes.length : 0));
      for (const [at, value] of changed) if (mutated.length > 0) mutated[at % mutated.length] = value;
      expect(formatMessage(mutated)).toMatch(/\n$/);
    }),
    { numRuns: 3000 * inject("effort"), seed: inject("seed") },
  );
  expect(() => decodeMessage(hex(""))).toThrow();
});
