import { SourceError } from "@tenet/kit";
import { FIELDS, type FieldName } from "@tenet/net";
import type { Action, SubField } from "@tenet/openflow";
import { createSymbols, encodeActions, matchOf, normalize, parseActions, parseExpression, type Pipeline } from "@tenet/ovn";
import { expect, test } from "vitest";

const symbols = createSymbols();
const PORTS: Readonly<Record<string, number>> = { web: 1, _MC_flood: 0x8000, none: 0 };

function parse(text: string) {
  return parseActions({ file: "actions", text }, symbols);
}

function encode(text: string, pipeline: Pipeline = "ingress", table = 3): string {
  return format(encodeActions(parse(text).actions, { pipeline, table, portKey: (name) => PORTS[name] }));
}

function format(actions: readonly Action[]): string {
  return actions.map(formatOne).join(",");
}

function formatOne(action: Action): string {
  switch (action.type) {
    case "setField":
      return `set:${action.field.name}=${[...action.value].map(hex).join(":")}/${[...action.mask].map(hex).join(":")}`;
    case "move":
      return `move:${bits(action.source)}->${bits(action.target)}`;
    case "push":
      return `push:${bits(action.source)}`;
    case "pop":
      return `pop:${bits(action.target)}`;
    case "resubmit":
      return `resubmit(${action.table})`;
    case "clone":
      return `clone(${format(action.actions)})`;
    case "controller":
      return `controller(${[...(action.userdata ?? [])].join(".")})`;
    default:
      return action.type;
  }
}

const hex = (word: number): string => word.toString(16);
const bits = ({ field, start, nBits }: SubField): string => `${field.name}[${start}+${nBits}]`;
const place = (name: FieldName): string => hex((((1 << FIELDS[name].nBits) - 1) << FIELDS[name].shift) >>> 0);

test.each([
  ["output;", "resubmit(37)"],
  ["next;", "resubmit(12)"],
  ["next(5);", "resubmit(13)"],
  ["next(pipeline=egress,table=3);", "resubmit(45)"],
  ["next(pipeline=ingress, table=2);", "resubmit(10)"],
  ["drop;", ""],
  ["/* drop */", ""],
  ["reg0 = 5; next;", "set:reg0=5/ffffffff,resubmit(12)"],
  ["reg0[3..5] = 5; next;", "set:reg0=28/38,resubmit(12)"],
  ["reg0 = 0x1/0x3;", "set:reg0=1/3"],
  ["reg1 = reg2;", "move:reg2[0+32]->reg1[0+32]"],
  ["eth.dst <-> eth.src;", "push:eth_src[0+48],push:eth_dst[0+48],pop:eth_src[0+48],pop:eth_dst[0+48]"],
  ["ip.ttl--;", "decTtl"],
  [`outport = "web"; output;`, "set:reg15=1/ffffffff,resubmit(37)"],
  [`outport = "_MC_flood"; output;`, "set:reg15=8000/ffffffff,resubmit(37)"],
  [`outport = "nowhere";`, "set:reg15=0/ffffffff"],
  [`outport = "";`, "set:reg15=0/ffffffff"],
  ["outport = inport; flags.loopback = 1; output;", "move:reg14[0+32]->reg15[0+32],set:reg10=1/1,resubmit(37)"],
  [`clone { outport = "web"; output; }; next;`, "clone(set:reg15=1/ffffffff,resubmit(37)),resubmit(12)"],
  ["outport = get_fdb(eth.dst); next;", "set:reg15=0/ffffffff,resubmit(71),resubmit(12)"],
  ["reg0[11] = lookup_fdb(inport, eth.src);", "set:reg10=0/100,resubmit(72),move:reg10[8+1]->reg0[11+1]"],
  ["put_fdb(inport, eth.src); next;", "controller(0.0.0.25.0.0.0.0),resubmit(12)"],
  ["reg0[15] = check_in_port_sec(); next;", "set:reg10=0/1000,resubmit(73),move:reg10[12+1]->reg0[15+1],resubmit(12)"],
  ["reg0[15] = check_out_port_sec();", "set:reg10=0/1000,resubmit(75),move:reg10[12+1]->reg0[15+1]"],
  [`log(name="ab", severity=warning, verdict=drop);`, "controller(0.0.0.7.0.0.0.0.1.4.97.98)"],
  [`log(verdict=reject, severity=alert, meter="m"); next;`, "controller(0.0.0.7.0.0.0.0.2.1),resubmit(12)"],
  ["nd_na { output; };", `controller(${[0, 0, 0, 3, 0, 0, 0, 0, ...Buffer.from("resubmit(,37)")].join(".")})`],
  ["push(reg0); pop(reg1);", "push:reg0[0+32],pop:reg1[0+32]"],
  ["arp.tha = arp.sha;", "move:arp_sha[0+48]->arp_tha[0+48]"],
  ["eth.src = 0a:00:00:00:00:02;", "set:eth_src=a00:2/ffff:ffffffff"],
  ["ip6.src = fd00::1;", "set:ipv6_src=fd000000:0:0:1/ffffffff:ffffffff:ffffffff:ffffffff"],
  ["arp.op = 2;", `set:nw_proto=${hex((2 << FIELDS.nw_proto.shift) >>> 0)}/${place("nw_proto")}`],
])("%s becomes %s", (text, expected) => {
  expect(encode(text)).toBe(expected);
});

test("in the egress pipeline the next table and output are those of egress", () => {
  expect(encode("next;", "egress", 8)).toBe("resubmit(51)");
  expect(encode("output;", "egress", 9)).toBe("resubmit(64)");
});

test("fields in use narrow the match of their flow", () => {
  const { prerequisite } = parse("eth.dst = eth.src; arp.op = 2; arp.tha = arp.sha;");
  const context = { portKey: () => undefined, addressSet: () => undefined, portGroup: () => undefined, isResident: () => false };
  const match = parseExpression({ file: "match", text: "reg0[0]" }, symbols);
  const sum = normalize(match, context, prerequisite);
  const expected = normalize(parseExpression({ file: "match", text: "arp && reg0[0]" }, symbols), context);
  expect(sum.map(matchOf)).toEqual(expected.map(matchOf));
});

test("an action that is not carried out is named with its place, and its prerequisite still counts", () => {
  const { actions, unsupported } = parse("ct_lb_mark(backends=10.0.0.1); next;");
  expect(unsupported).toEqual([{ name: "ct_lb_mark", at: 0 }]);
  expect(actions).toHaveLength(1);
  expect(parse("icmp4 { eth.dst <-> eth.src; output; }; next;").unsupported).toEqual([{ name: "icmp4", at: 0 }]);
  expect(parse("reg0[3] = put_dhcp_opts(offerip = 1.2.3.4, router = 1.1.1.1); next;").unsupported[0]?.name).toBe("put_dhcp_opts");
});

test.each([
  [";", 1, /expected an action/],
  ["foo; next;", 1, /Unknown action or field "foo"/],
  ["eth.type = 5;", 1, /cannot be changed/],
  ["reg0 = 5", 9, /expected ";"/],
  ["drop; next;", 7, /expected the end/],
  ["next(40);", 6, /no table 40/],
  ["reg0 = tcp.dst;", 1, /32 bits and 16 bits/],
  ["outport = 5;", 11, /expected the quoted name of a port/],
  ["reg0 = $set;", 8, /expected one value/],
  ["reg0 = check_in_port_sec();", 1, /gives one bit/],
  ["clone { output; ", 17, /expected an action/],
  ["log(severity=info);", 18, /expected ", verdict=..."/],
  ["log(verdict=maybe);", 13, /expected "allow", "drop", "reject"/],
  ["ct_next", 8, /expected ";"/],
  ["ct_mark.blocked = 1;", 1, /cannot be changed here/],
  ["ct_commit { reg0 = 1; };", 13, /cannot be changed here/],
  ["ct_commit { next; };", 11, /does nothing else/],
  ["outputt;", 1, /Unknown action or field "outputt"/],
])("%s is refused at column %i", (text, column, message) => {
  let fault: unknown;
  try {
    parse(text);
  } catch (error) {
    fault = error;
  }
  expect(fault).toBeInstanceOf(SourceError);
  expect((fault as SourceError).message).toMatch(message);
  expect((fault as SourceError).at.column).toBe(column);
});
