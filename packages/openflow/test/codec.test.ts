import { ProtocolError } from "@tenet/kit";
import {
  decodeMessage,
  encodeMessage,
  encodeMessages,
  FLOW_FLAG,
  formatActions,
  formatFlow,
  formatMatch,
  isSameMatch,
  makeMatch,
  OpenFlowError,
  parseActions,
  parseFlow,
  formatGroup,
  parseGroup,
  parseMatch,
  VERSION,
} from "@tenet/openflow";
import { FIELDS, setField } from "@tenet/net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flowArbitrary, instructionsArbitrary, matchArbitrary, sayable } from "./arbitrary-flow.ts";
import { groupModArbitrary } from "./arbitrary-group.ts";
import { MESSAGES, STATS, VERSIONS } from "./sample-messages.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Messages as ovs-ofctl 3.1 sent them, and the flow that it was told to add. */
const GOLDEN: readonly (readonly [string, string])[] = [
  [
    "010e0060000000080038204f00000000000000000000000000000000000008000006000000000000000000000000005000000000000000000100000000000005ffffffffffff0000000400100000000000050000000000000000000800010000",
    "table=1,priority=5,tcp,tp_dst=80,actions=mod_dl_src:00:00:00:00:00:05,output:1",
  ],
  [
    "040e007000000006000000000000000000000000000000000100000000000005ffffffffffffffffffffffff000000000001001580000a020800800014010680001c02005000000000040028000000000019001080000806000000000005000000000010000000010000000000000000",
    "table=1,priority=5,tcp,tp_dst=80,actions=set_field:00:00:00:00:00:05->eth_src,output:1",
  ],
  [
    "060e007000000006000000000000000000000000000000000100000000000005ffffffffffffffffffffffff000000000001001580000a020800800014010680001c02005000000000040028000000000019001080000806000000000005000000000010000000010000000000000000",
    "table=1,priority=5,tcp,tp_dst=80,actions=set_field:00:00:00:00:00:05->eth_src,output:1",
  ],
];

describe("golden bytes of ovs-ofctl", () => {
  test.each(GOLDEN)("%s is %s", (bytes, text) => {
    const { message, version, xid } = decodeMessage(hex(bytes));
    expect(message).toMatchObject({ type: "flowMod", command: "add" });
    if (message.type !== "flowMod") return;
    const flow = parseFlow(text);
    expect(formatFlow({ ...message.flow, flags: 0 })).toBe(formatFlow(flow));
    expect(toHex(encodeMessage({ type: "flowMod", command: "add", flow }, version, xid))).toBe(bytes);
  });

  test("a bundled flow-mod of OpenFlow 1.3 uses the ONF extension", () => {
    const bytes =
      "04040098000000064f4e4600000008fd0000000000000003040e008000000006000000000000000000000000000000000200000000008000ffffffffffffffffffffffff00000000000100100001010800000005000000070004004000000000ffff001000002320000efff80300000000190010000102040000000100000000ffff00180000232000060020000000000001000400010204";
    const { message } = decodeMessage(hex(bytes));
    expect(message).toMatchObject({ type: "bundleAdd", bundleId: 0, flags: 3, xid: 6 });
    if (message.type !== "bundleAdd" || message.message.type !== "flowMod") return;
    expect(formatFlow(message.message.flow)).toBe(
      "table=2, reg0=0x5/0x7 actions=resubmit(,3),set_field:0x1->reg1,move:NXM_NX_REG0[]->NXM_NX_REG1[]",
    );
    expect(toHex(encodeMessage(message, 4, 6))).toBe(bytes);
  });

  test("a modification by cookie in OpenFlow 1.0 carries the cookie that flows get, and that which they are to have as a match", () => {
    const flow = { ...parseFlow("table=0,actions=output:4"), cookie: 1n, cookieMask: 2n ** 64n - 1n, flags: 0 };
    const message = { type: "flowMod", command: "modify", flow, newCookie: 4n } as const;
    const bytes = encodeMessage(message, 1, 8);
    expect(toHex(bytes).slice(32, 48)).toBe("0000000000000004");
    expect(decodeMessage(bytes).message).toMatchObject({ newCookie: 4n, flow: { cookie: 1n, cookieMask: flow.cookieMask } });
    const { newCookie: _cookie, ...keeping } = message;
    expect(decodeMessage(encodeMessage(keeping, 1, 8)).message).not.toHaveProperty("newCookie");
    const of13 = decodeMessage(encodeMessage(message, 4, 8)).message;
    expect(of13).not.toHaveProperty("newCookie");
  });

  test("in OpenFlow 1.0 a flow that is added starts its counters anew, and one that is modified goes on", () => {
    const flow = { ...parseFlow("table=0,actions=output:4"), flags: 0 };
    const flagsOf = (command: "add" | "modify" | "modifyStrict"): unknown =>
      decodeMessage(encodeMessage({ type: "flowMod", command, flow }, 1, 8)).message;
    expect(flagsOf("add")).toMatchObject({ flow: { flags: FLOW_FLAG.RESET_COUNTS } });
    for (const command of ["modify", "modifyStrict"] as const) expect(flagsOf(command)).toMatchObject({ flow: { flags: 0 } });
  });

  test("before OpenFlow 1.4 Nicira's message chooses among all asynchronous messages", () => {
    for (const version of ["01", "04"]) {
      const { message } = decodeMessage(
        hex(`${version}04003000000002000023200000001b00000008000000050003000800000002000a000800000003000b000800000001`),
      );
      expect(message).toMatchObject({
        type: "setAsync",
        packetIn: [undefined, 5],
        portStatus: [2, undefined],
        requestForward: [1, 3],
      });
    }
  });

  test("a group's selection method is known by the number that Open vSwitch 2.4 gave its maker, too", () => {
    const message = parseGroup("group_id=1,type=select,selection_method=hash,selection_method_param=7,bucket=weight:1,output:1");
    const bytes = toHex(encodeMessage(message, 6, 1));
    expect(bytes).toContain("0000154d");
    expect(decodeMessage(hex(bytes.replace("0000154d", "00001540"))).message).toEqual(decodeMessage(hex(bytes)).message);
  });

  test("a deletion by cookie in OpenFlow 1.0 carries the cookie as a match", () => {
    const bytes =
      "0104004000000008000023200000000d00000000000000000003000000008000ffffffffffff0000000c00000000000000013c08000000000000000500000000";
    const { message } = decodeMessage(hex(bytes), { hasTableId: false });
    expect(message).toMatchObject({
      type: "flowMod",
      command: "delete",
      flow: { table: 255, cookie: 5n, cookieMask: 2n ** 64n - 1n },
    });
    expect(toHex(encodeMessage(message, 1, 8, { hasTableId: false }))).toBe(bytes);
  });

  test.each([
    ["0110002000000004ffff0000000023200000000000000000ffff0000ff000000", { kind: "flow", table: 255, isNicira: true }],
    ["0110002000000004ffff0000000023200000000100000000ffff0000ff000000", { kind: "aggregate", table: 255, isNicira: true }],
    [
      "04120038000000020001000000000000ff000000ffffffffffffffff00000000000000000000000000000000000000000001000400000000",
      { kind: "flow", table: 255 },
    ],
    ["06120018000000020004000000000000ffffffff00000000", { kind: "port", port: 0xffff }],
    ["0612001800000004000d000000000000ffffffff00000000", { kind: "portDesc", port: 0xffff }],
    ["0412001000000002000c000000000000", { kind: "tableFeatures" }],
    ["0110000c0000000200030000", { kind: "table" }],
  ])("the request %s reads and writes back", (bytes, request) => {
    const { message, version, xid } = decodeMessage(hex(bytes));
    expect(message).toMatchObject({ type: "multipartRequest", isLast: true, request });
    expect(toHex(encodeMessage(message, version, xid))).toBe(bytes);
  });
});

describe("every message", () => {
  test.each(MESSAGES.map(([message, versions]) => [message.type, message, versions] as const))(
    "%s reads back equal",
    (_type, message, versions) => {
      for (const version of versions) {
        const bytes = encodeMessage(message, version, 42);
        expect(decodeMessage(bytes)).toEqual({ version, xid: 42, message });
      }
    },
  );

  test("cut at any length is refused, with the length patched or not", () => {
    for (const [message, versions] of MESSAGES) {
      for (const version of versions) {
        const bytes = encodeMessage(message, version, 42);
        for (let length = 0; length < bytes.length; length++) {
          const cut = bytes.slice(0, length);
          if (length >= 4) new DataView(cut.buffer).setUint16(2, length);
          try {
            decodeMessage(cut);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
          if (length > 0) expect(() => decodeMessage(bytes.slice(0, length))).toThrow(ProtocolError);
        }
      }
    }
  });

  test("changed anywhere, or made of random bytes, only ever throws ProtocolError", () => {
    const bodies = MESSAGES.flatMap(([message, versions]) => versions.map((version) => encodeMessage(message, version, 42)));
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), (bytes, changes) => {
        const changed = bytes.slice();
        for (const [at, value] of changes) if (at % changed.length > 3) changed[at % changed.length] = value;
        decodeOrProtocolError(changed);
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...VERSIONS), fc.nat(40), fc.uint8Array({ maxLength: 300 }), (version, type, body) => {
        const bytes = new Uint8Array(8 + body.length);
        new DataView(bytes.buffer).setUint32(0, (version << 24) | (type << 16) | bytes.length);
        bytes.set(body, 8);
        decodeOrProtocolError(bytes);
      }),
      { numRuns: 3000 },
    );
  });
});

function decodeOrProtocolError(bytes: Uint8Array): void {
  try {
    decodeMessage(bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

test("OpenFlow 1.1 has a match of its own, reads that of later versions, too, and is asked for nothing that it cannot say", () => {
  const fixed = parseFlow(
    "table=1,priority=5,dl_vlan=9,dl_src=02:00:00:00:00:00/02:00:00:00:00:00,tcp,tp_dst=80,metadata=5/7,actions=drop",
  );
  const bytes = encodeMessage({ type: "flowMod", command: "modify", flow: fixed }, VERSION.OF11, 1);
  expect(bytes).toHaveLength(8 + 40 + 88);
  expect(decodeMessage(bytes).message).toMatchObject({ flow: fixed });
  const later = { ...fixed, match: parseMatch("ipv6,reg0=5") };
  expect(() => encodeMessage({ type: "flowMod", command: "add", flow: later }, VERSION.OF11, 1)).toThrow(
    "OpenFlow 1.1 has not all",
  );
  const inOxm = encodeMessage({ type: "flowMod", command: "modify", flow: later }, VERSION.OF12, 1);
  inOxm[0] = VERSION.OF11;
  expect(decodeMessage(inOxm).message).toMatchObject({ flow: later });
});

describe("random flows", () => {
  test("a match reads back equal in every version", () => {
    fc.assert(
      fc.property(matchArbitrary, fc.constantFrom(...VERSIONS), (given, version) => {
        const match = sayable(given, version);
        const flow = { ...parseFlow("actions=drop"), match };
        const { message } = decodeMessage(encodeMessage({ type: "flowMod", command: "add", flow }, version, 1));
        if (message.type !== "flowMod") throw new Error("no flow-mod");
        expect(formatMatch(message.flow.match)).toBe(formatMatch(match));
        expect(isSameMatch(message.flow.match, match)).toBe(true);
      }),
    );
  });

  test("a flow-mod reads back deep-equal in OpenFlow 1.4", () => {
    fc.assert(
      fc.property(flowArbitrary, fc.constantFrom("add", "modify", "modifyStrict"), (flow, command) => {
        const message = { type: "flowMod", command, flow } as const;
        expect(decodeMessage(encodeMessage(message, 5, 1)).message).toEqual(message);
      }),
    );
  });

  test("what was decoded encodes to the same bytes in every version", () => {
    fc.assert(
      fc.property(flowArbitrary, fc.constantFrom(...VERSIONS), (given, version) => {
        const flow = { ...given, match: sayable(given.match, version) };
        const bytes = encodeMessage({ type: "flowMod", command: "add", flow }, version, 1);
        const { message } = decodeMessage(bytes);
        expect(toHex(encodeMessage(message, version, 1))).toBe(toHex(bytes));
      }),
    );
  });

  test("text reads back as it was written", () => {
    fc.assert(
      fc.property(matchArbitrary, instructionsArbitrary, (match, actions) => {
        expect(isSameMatch(parseMatch(formatMatch(match)), match)).toBe(true);
        expect(parseActions(formatActions(actions))).toEqual(actions);
      }),
    );
  });
});

/** OpenFlow 1.5 has one form for setting a field. */
function withoutForms<T>(value: T): T {
  if (ArrayBuffer.isView(value) || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutForms) as T;
  const entries = Object.entries(value).filter(([key]) => key !== "form");
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutForms(inner)])) as T;
}

describe("random groups", () => {
  test("a group-mod reads back deep-equal in OpenFlow 1.5", () => {
    fc.assert(
      fc.property(groupModArbitrary, (mod) => {
        const { message } = decodeMessage(encodeMessage(mod, 6, 1));
        expect(withoutForms(message)).toEqual(withoutForms(mod));
      }),
    );
  });

  test("what was decoded encodes to the same bytes in every version", () => {
    fc.assert(
      fc.property(groupModArbitrary, fc.constantFrom(...VERSIONS), (mod, version) => {
        const isBucketMod = mod.command === "insertBucket" || mod.command === "removeBucket";
        fc.pre(version === 1 || version === 6 || !isBucketMod);
        const bytes = encodeMessage(mod, version, 1);
        expect(toHex(encodeMessage(decodeMessage(bytes).message, version, 1))).toBe(toHex(bytes));
      }),
    );
  });

  test("text reads back as it was written", () => {
    fc.assert(
      fc.property(groupModArbitrary, ({ group }) => {
        expect(parseGroup(formatGroup(group)).group).toEqual(group);
      }),
    );
  });
});

describe("refusals", () => {
  test.each([
    ["OFPBRC_BAD_PORT", "reg0=5"],
    ["OFPBRC_PIPELINE_FIELDS_ONLY", "in_port=1,ip"],
  ])("%s: a packet-out with the match %s", (errorName, text) => {
    const query = { table: 0, match: parseMatch(text), cookie: 0n, cookieMask: 0n };
    const request = encodeMessage({ type: "multipartRequest", request: { kind: "flow", ...query }, isLast: true }, 6, 1);
    const match = request.slice(8 + 8 + 32); // header, head, and what comes before the match
    const bytes = Uint8Array.from([6, 13, 0, 16 + match.length, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, ...match]);
    expect(() => decodeMessage(bytes)).toThrow(expect.objectContaining({ errorName }));
  });

  const refused = (bytes: string): string | undefined => {
    try {
      decodeMessage(hex(bytes));
    } catch (error) {
      return error instanceof OpenFlowError ? error.errorName : "";
    }
    return undefined;
  };

  test.each([
    ["0463000800000001", "OFPBRC_BAD_TYPE"],
    ["0412001000000001004d000000000000", "OFPBRC_BAD_STAT"],
    ["04040010000000010000123400000001", "OFPBRC_BAD_VENDOR"],
    ["04040010000000010000232000009999", "OFPBRC_BAD_SUBTYPE"],
    ["0905000800000001", "OFPBRC_BAD_VERSION"],
    ["0405000900000001", "OFPBRC_BAD_LEN"],
    ["010400200000000400002320000000180000000000000000ffff0907000b0000", "NXTTMFC_BAD_OPT_LEN"],
    ["010400200000000400002320000000180000000000000000ffff090800400000", "NXTTMFC_BAD_FIELD_IDX"],
    ["010400200000000400002320000000180003000000000000ffff090800040000", "NXTTMFC_BAD_COMMAND"],
    ["041d0020000000020000000300000007000100100000000500000000000000ff", "OFPMMFC_BAD_FLAGS"],
    ["041d0020000000020000000100000000000100100000000500000000000000ff", "OFPMMFC_INVALID_METER"],
    ["041d0020000000020009000100000001000100100000000500000000000000ff", "OFPMMFC_BAD_COMMAND"],
    ["041d0020000000020000000100000001000900100000000500000000000000ff", "OFPMMFC_BAD_BAND"],
    ["040f0010000000060000020000000005", "OFPGMFC_INVALID_GROUP"],
    ["040f0010000000060007000000000005", "OFPGMFC_BAD_COMMAND"],
    ["040f0010000000060000090000000005", "OFPGMFC_BAD_TYPE"],
    ["040f00100000000600000000ffffff05", "OFPGMFC_INVALID_GROUP"],
    [
      "040f00300000000600000000000000010020000000000001ffffffff0000000000000010000000010000000000000000",
      "OFPGMFC_WATCH_UNSUPPORTED",
    ],
    [
      "040f003000000006000002000000000100200000ffffffff000000010000000000000010000000010000000000000000",
      "OFPGMFC_WATCH_UNSUPPORTED",
    ],
    [
      `060e005800000006${"00".repeat(16)}1400000000000014${"ff".repeat(12)}0000000000010004000000000004002000000000001900188000070c001122334455ffffff00000000000000`,
      "OFPBMC_BAD_WILDCARDS",
    ],
    // What is inside a message of a bundle that is inside another is not looked at.
    ["05220028000000010000000700000000052200180000000100000007000000000563000800000001", "OFPBFC_MSG_UNSUP"],
  ])("%s is answered with %s", (bytes, name) => {
    expect(refused(bytes)).toBe(name);
  });

  test("a match on the packet type of Ethernet is the match without it", () => {
    const ofctl = hex(
      "040e005800000006000000000000000000000000000000000000000000008000ffffffffffffffffffffffff000000000001000c800058040000000000000000000400180000000000000010000000010000000000000000",
    );
    expect(decodeMessage(ofctl).message).toMatchObject({ flow: { match: makeMatch() } });
    expect(isSameMatch(parseMatch("packet_type=(0,0),ip"), parseMatch("ip"))).toBe(true);
  });

  test("port-mods after 1.0 change nothing that their version does not know of ports", () => {
    const bits = { config: 0xffff_ffff, mask: 0xffff_ffff };
    const message = { type: "portMod", port: 1, mac: 5, ...bits, advertise: 0 } as const;
    expect(decodeMessage(encodeMessage(message, 1, 1)).message).toMatchObject(bits);
    expect(decodeMessage(encodeMessage(message, 4, 1)).message).toMatchObject({ config: 0x65, mask: 0x65 });
  });

  test("a message that a version cannot say is refused by the encoder", () => {
    const open = { type: "bundleControl", bundleId: 1, kind: "openRequest", flags: 0 } as const;
    expect(() => encodeMessage(open, VERSION.OF10, 1)).toThrow(
      "Cannot send this message: in OpenFlow 1.0 to 1.2 there are no bundles",
    );
  });

  test("a match without its prerequisite is never encoded as a broader one", () => {
    const flow = parseFlow("tcp,tp_dst=80,actions=drop");
    const bare = { key: flow.match.key.slice(), mask: flow.match.mask.slice() };
    setField(bare.mask, FIELDS.eth_type, 0);
    setField(bare.key, FIELDS.eth_type, 0);
    expect(() => encodeMessage({ type: "flowMod", command: "add", flow: { ...flow, match: bare } }, 4, 1)).toThrow(
      "Cannot encode the match",
    );
  });
});

test("a long multipart reply is split, and only its last part says that it is", () => {
  const flows = Array.from({ length: 2000 }, (_, i) => ({ ...parseFlow(`priority=${i},tcp,actions=output:1`), ...STATS }));
  const frames = encodeMessages({ type: "multipartReply", reply: { kind: "flow", flows }, isLast: true }, 4, 9);
  expect(frames.length).toBeGreaterThan(2);
  const replies = frames.map((frame) => decodeMessage(frame).message);
  expect(replies.map((reply) => reply.type === "multipartReply" && reply.isLast)).toEqual([
    ...frames.slice(1).map(() => false),
    true,
  ]);
  const priorities = replies.flatMap((reply) =>
    reply.type === "multipartReply" && reply.reply.kind === "flow" ? reply.reply.flows : [],
  );
  expect(priorities.map(({ priority }) => priority)).toEqual(flows.map(({ priority }) => priority));
});
