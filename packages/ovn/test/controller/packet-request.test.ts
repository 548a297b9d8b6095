import { ManualClock, silentLogger } from "@tenet/kit";
import {
  buildEthernet,
  buildIp6,
  buildNeighbor,
  dissect,
  ETH_TYPE,
  FIELDS,
  IP_PROTO,
  parseIp6,
  parseMac,
  setField,
  setFieldBig,
} from "@tenet/net";
import { formatActions, makeMatch, type PacketIn, parseActions } from "@tenet/openflow";
import { createSymbols, encodeActions, PacketLog, parseActions as parseLogicalActions, requestOf } from "@tenet/ovn";
import fc from "fast-check";
import { expect, test } from "vitest";

const symbols = createSymbols();
const MAC = parseMac("0a:00:00:00:00:01");

/** The packet-in that `actions` cause for a frame that came in at port 2 of datapath 7. */
function packetIn(actions: string, data: Uint8Array): PacketIn {
  const context = { pipeline: "ingress", table: 19, portKey: () => undefined } as const;
  const [first] = encodeActions(parseLogicalActions({ file: "actions", text: actions }, symbols).actions, context);
  const match = makeMatch();
  setFieldBig(match.key, FIELDS.metadata, 7n);
  setField(match.key, FIELDS.reg14, 2);
  const userdata = first?.type === "controller" ? first.userdata : undefined;
  return {
    type: "packetIn",
    totalLength: data.length,
    reason: 1,
    table: 27,
    cookie: 0n,
    match,
    data,
    ...(userdata === undefined ? {} : { userdata }),
  };
}

function solicitation(source: string): Uint8Array {
  const message = buildNeighbor({ kind: "solicitation", target: parseIp6("fd00::2"), sourceMac: MAC });
  const datagram = buildIp6(
    { src: parseIp6(source), dst: parseIp6("ff02::1:ff00:2"), proto: IP_PROTO.icmp6, hopLimit: 255 },
    message,
  );
  return buildEthernet({ dst: parseMac("33:33:ff:00:00:02"), src: MAC, type: ETH_TYPE.ip6 }, datagram);
}

const ANSWER =
  "nd_na { eth.src = 0a:00:00:00:00:02; ip6.src = fd00::2; nd.target = fd00::2; nd.tll = 0a:00:00:00:00:02; outport = inport; flags.loopback = 1; output; };";

test("a learned address comes with its port and datapath", () => {
  expect(requestOf(packetIn("put_fdb(inport, eth.src);", solicitation("fd00::1")))).toEqual({
    type: "learn",
    mac: "0a:00:00:00:00:01",
    datapathKey: 7,
    portKey: 2,
  });
});

test("a solicitation is answered to who asked, in the pipeline where it was", () => {
  const request = requestOf(packetIn(ANSWER, solicitation("fd00::1")));
  if (request?.type !== "send") throw new Error("no answer");
  const { ethernet, ip6, icmp, payload } = dissect(request.frame);
  expect(ethernet?.dst).toBe(MAC);
  expect(ip6?.dst).toEqual(parseIp6("fd00::1"));
  expect(ip6?.hopLimit).toBe(255);
  expect(icmp).toMatchObject({ type: 136, code: 0, rest: 0x6000_0000 });
  expect(payload.slice(0, 16)).toEqual(parseIp6("fd00::2"));
  const text = formatActions(request.actions);
  expect(text).toMatch(/^load:0x7->OXM_OF_METADATA\[\],load:0x2->NXM_NX_REG14\[\],load:0xa0000000002->NXM_OF_ETH_SRC\[\]/);
  expect(text).toMatch(
    /load:0xa0000000002->NXM_NX_ND_TLL\[\],move:NXM_NX_REG14\[\]->NXM_NX_REG15\[\],load:0x1->NXM_NX_REG10\[0\],resubmit\(,37\)$/,
  );
  expect(() => parseActions(text)).not.toThrow();
});

test("who tests whether an address is free is told with all the others", () => {
  const request = requestOf(packetIn(ANSWER, solicitation("::")));
  if (request?.type !== "send") throw new Error("no answer");
  const { ethernet, ip6, icmp } = dissect(request.frame);
  expect(ethernet?.dst).toBe(parseMac("33:33:00:00:00:01"));
  expect(ip6?.dst).toEqual(parseIp6("ff02::1"));
  expect(icmp?.rest).toBe(0x2000_0000);
});

test("a logged packet comes with the ACL's name, verdict and severity", () => {
  expect(requestOf(packetIn(`log(name="web", verdict=drop, severity=warning);`, solicitation("fd00::1")))).toEqual({
    type: "log",
    name: "web",
    verdict: "drop",
    severity: "warning",
    summary:
      "dl_src=0a:00:00:00:00:01,dl_dst=33:33:ff:00:00:02,dl_type=0x86dd,ipv6_src=fd00::1,ipv6_dst=ff02::1:ff00:2,nw_proto=58,icmp_type=135,icmp_code=0",
  });
});

test("any bytes give a request or none", () => {
  const userdata = fc.oneof(
    fc.uint8Array({ maxLength: 24 }),
    fc.constantFrom(3, 7, 12, 25).map((n) => Uint8Array.of(0, 0, 0, n, 0, 0, 0, 0)),
  );
  fc.assert(
    fc.property(
      userdata,
      fc.oneof(
        fc.uint8Array({ maxLength: 90 }),
        fc.nat({ max: 90 }).map((n) => solicitation("::").slice(0, n)),
      ),
      (bytes, data) => {
        const packet = { ...packetIn("put_fdb(inport, eth.src);", data), userdata: bytes };
        expect(() => requestOf(packet)).not.toThrow();
      },
    ),
  );
});

test("the packet log writes its share of a second and counts the rest", () => {
  const lines: string[] = [];
  const clock = new ManualClock();
  const log = new PacketLog(
    { ...silentLogger, info: (_fields, message) => lines.push(message), warn: (fields) => lines.push(JSON.stringify(fields)) },
    clock,
  );
  const request = { type: "log", name: "", verdict: "allow", severity: "info", summary: "" } as const;
  for (let i = 0; i < 25; i++) log.write(request);
  expect(lines).toHaveLength(20);
  clock.advance(1000);
  log.write(request);
  expect(lines.slice(20)).toEqual(['{"nLeftOut":5}', "acl packet"]);
});
