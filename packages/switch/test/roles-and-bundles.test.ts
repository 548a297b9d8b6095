/** What controllers of one bridge do to each other, and how bundles end. */
import { type Message, parseFlow, parseGroup, parseMatch } from "@tenet/openflow";
import { expect, test } from "vitest";
import { NO_FLOOD } from "../src/bridge/bridge-port.ts";
import { finish } from "../src/turns.ts";
import { type Controller, controllersOf } from "./controller.ts";

const NOTHING = { packetIn: [0, 0], portStatus: [0, 0], flowRemoved: [0, 0] } as const;

function roleRequest(role: "master" | "slave" | "noChange", generationId: bigint): Message {
  return { type: "roleRequest", role, generationId };
}

function bundle(kind: "openRequest" | "closeRequest" | "commitRequest" | "discardRequest", flags = 3): Message {
  return { type: "bundleControl", bundleId: 7, kind, flags };
}

const ADD: Message = { type: "flowMod", command: "add", flow: parseFlow("tcp,actions=drop") };
const BUNDLED: Message = { type: "bundleAdd", bundleId: 7, flags: 3, message: ADD, xid: 9 };

test("the number of an election counts for all controllers, and an older one is refused", () => {
  const { controllers } = controllersOf(4, 4);
  const [a, b] = controllers as [Controller, Controller];
  expect(a.say(roleRequest("master", 5n))).toBeUndefined();
  expect(b.say(roleRequest("master", 4n))).toBe("OFPRRFC_STALE");
  expect(b.say(roleRequest("noChange", 0n))).toBeUndefined();
  expect(b.say(roleRequest("master", 0x8000_0000_0000_0006n))).toBe("OFPRRFC_STALE");
  expect(b.say(roleRequest("master", 6n))).toBeUndefined();
  expect([a, b].map(({ session }) => session.notices.role)).toEqual(["slave", "master"]);
  expect(a.say(ADD)).toBe("OFPBRC_IS_SLAVE");
});

test("Nicira's word for a role holds no election, whatever the version, and is answered in kind", () => {
  const { controllers } = controllersOf(4, 4);
  const [a, b] = controllers as [Controller, Controller];
  a.say(roleRequest("master", 5n));
  expect(b.say({ type: "roleRequest", role: "master" })).toBeUndefined();
  expect(b.heard()).toEqual([{ type: "roleReply", role: "master" }]);
  expect(a.session.notices.role).toBe("slave");
});

test("a master that another replaces hears of it when it asked to", () => {
  const { controllers } = controllersOf(6, 6);
  const [a, b] = controllers as [Controller, Controller];
  a.say({ type: "setAsync", ...NOTHING, roleStatus: [0, 1] });
  a.say(roleRequest("master", 5n));
  a.heard();
  b.say(roleRequest("master", 6n));
  expect(a.heard()).toEqual([{ type: "roleStatus", role: "slave", reason: "masterRequest", generationId: 6n }]);
});

test("a master that another replaces hears of it when it said nothing of what it wants to hear, but not in OpenFlow 1.0", () => {
  const { controllers } = controllersOf(4, 1, 6);
  const [a, b, c] = controllers as [Controller, Controller, Controller];
  for (const [i, each] of [a, b, c].entries()) each.say(roleRequest("master", BigInt(i)));
  const statuses = [a, b, c].map((each) =>
    each.heard().flatMap((message) => (message.type === "roleStatus" ? [message.generationId] : [])),
  );
  expect(statuses).toEqual([[0n], [], []]); // the number of the election is as OpenFlow 1.0 leaves it
});

test("changes of groups are passed on to the other controllers that asked for them", () => {
  const { controllers } = controllersOf(6, 6, 6);
  const [author, listener, deaf] = controllers as [Controller, Controller, Controller];
  for (const each of [author, listener]) each.say({ type: "setAsync", ...NOTHING, requestForward: [1, 0] });
  const message = parseGroup("group_id=1,type=all,bucket=output:1");
  author.say(message, 44);
  expect(listener.told.splice(0)).toEqual([{ message: { type: "requestForward", message, xid: 44 }, xid: undefined }]);
  expect([author.heard(), deaf.heard()]).toEqual([[], []]);
});

test.each([
  ["OFPBFC_BAD_ID", [bundle("openRequest"), bundle("openRequest")]],
  ["OFPBFC_BAD_ID", [bundle("closeRequest")]],
  ["OFPBFC_BAD_ID", [bundle("commitRequest")]],
  ["OFPBFC_BAD_FLAGS", [bundle("openRequest"), bundle("closeRequest", 1)]],
  ["OFPBFC_BAD_FLAGS", [bundle("openRequest", 1), BUNDLED]],
  ["OFPBFC_BUNDLE_CLOSED", [bundle("openRequest"), bundle("closeRequest"), bundle("closeRequest")]],
  ["OFPBFC_BUNDLE_CLOSED", [bundle("openRequest"), bundle("closeRequest"), BUNDLED]],
] as const)("%s ends a bundle", (errorName, messages) => {
  const { bench, controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  expect(messages.map((message) => controller.say(message)).at(-1)).toBe(errorName);
  expect(controller.say(bundle("commitRequest"))).toBe("OFPBFC_BAD_ID");
  expect(bench.bridge.pipeline.nRules).toBe(0);
});

test("a message that nothing can make right is refused when it is put into a bundle, which goes on without it", () => {
  const { bench, controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  const put = (text: string): string | undefined => {
    const message: Message = { type: "flowMod", command: "add", flow: parseFlow(text) };
    return controller.say({ type: "bundleAdd", bundleId: 7, flags: 3, message, xid: 9 });
  };
  controller.say(bundle("openRequest"));
  expect([put("table=254,actions=drop"), put("table=9,actions=goto_table:3")]).toEqual(["OFPBRC_EPERM", "OFPBIC_BAD_TABLE_ID"]);
  expect([put("tcp,actions=group:4"), put("udp,actions=drop")]).toEqual([undefined, undefined]);
  expect(controller.say(bundle("commitRequest"))).toBe("OFPBFC_MSG_FAILED");
  expect(bench.bridge.pipeline.nRules).toBe(0);
  controller.say(bundle("openRequest"));
  expect([put("table=254,actions=drop"), put("udp,actions=drop")]).toEqual(["OFPBRC_EPERM", undefined]);
  expect(controller.say(bundle("commitRequest"))).toBeUndefined();
  expect(bench.bridge.pipeline.nRules).toBe(1);
  expect(controller.heard().at(-1)).toEqual({ type: "bundleControl", bundleId: 7, kind: "commitReply", flags: 0 });
});

test("a message that is refused opens no bundle, and ends none, closed as it may be", () => {
  const { controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  const refused: Message = { ...BUNDLED, message: { ...ADD, flow: parseFlow("table=254,actions=drop") } };
  expect(controller.say(refused)).toBe("OFPBRC_EPERM");
  expect(controller.say(bundle("commitRequest"))).toBe("OFPBFC_BAD_ID");
  controller.say(BUNDLED);
  controller.say(bundle("closeRequest"));
  expect(controller.say(refused)).toBe("OFPBRC_EPERM");
  expect(controller.say(bundle("commitRequest"))).toBeUndefined();
});

test("a bundle applies nothing when one of its packets has an option that is not mapped", () => {
  const { bench, controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  const metadata = parseMatch("tun_metadata9=1");
  const packetOut: Message = { type: "packetOut", inPort: 1, metadata, actions: [], data: new Uint8Array(60) };
  for (const message of [BUNDLED, { ...BUNDLED, message: packetOut }]) expect(controller.say(message)).toBeUndefined();
  expect(controller.say(bundle("commitRequest"))).toBe("OFPBFC_MSG_FAILED");
  expect(bench.bridge.pipeline.nRules).toBe(0);
});

test("a port that goes while a bundle is carried out ends none of the rest", () => {
  const { bench, controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  const ports = [1, 2, 3].map((number) => bench.bridge.port(number));
  for (const port of ports) {
    const { ofport = 0, mac = 0 } = port ?? {};
    const message: Message = { type: "portMod", port: ofport, mac, config: NO_FLOOD, mask: NO_FLOOD, advertise: 0 };
    controller.say({ ...BUNDLED, message });
  }
  const commit = controller.session.handle({ version: 6, xid: 1, message: bundle("commitRequest") });
  if (typeof commit !== "object") throw new Error(commit);
  while (ports[0]?.config !== NO_FLOOD) commit.next();
  bench.vswitch.removePort(bench.bridge, 2);
  expect(finish(commit)).toBeUndefined();
  expect(ports.map((port) => port?.config)).toEqual([NO_FLOOD, 0, NO_FLOOD]);
  expect(controller.heard().at(-1)).toMatchObject({ type: "bundleControl", kind: "commitReply" });
});

test("a bundle that lies idle is given up, and its controller told", () => {
  const { bench, controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  controller.say(bundle("openRequest"), 31);
  bench.clock.advance(6000);
  controller.say(BUNDLED);
  bench.clock.advance(6000);
  controller.session.tick();
  controller.heard();
  bench.clock.advance(4001);
  controller.session.tick();
  const [told] = controller.told;
  expect(told).toMatchObject({ message: { type: "error", errorType: 17, code: 14 }, xid: 31 });
  expect(controller.say(bundle("commitRequest"))).toBe("OFPBFC_BAD_ID");
  bench.vswitch.bundleIdleMs = 2000;
  controller.say(bundle("openRequest"));
  bench.clock.advance(2001);
  controller.session.tick();
  expect(controller.say(bundle("commitRequest"))).toBe("OFPBFC_BAD_ID");
});
