/** A realistic small cloud and packet stories, as the server would send them. */
import type { ReachabilityCell, State, Story } from "../src/api.ts";

const TIERS = "5f0c1c1e-7a0e-4f7e-9a3a-3f8a6e6e2b11";
const GUEST = "9b1d77c4-1d2a-4c0b-8d46-0a9df3d0c522";
export const DB_ACL = "d41f0a67-52c9-4a80-b7a5-6a2f4f0e9c33";

const HOSTS = [
  { name: "web1", ip: "10.0.0.11", tags: ["web"], switch: "tiers" },
  { name: "web2", ip: "10.0.0.12", tags: ["web"], switch: "tiers" },
  { name: "app1", ip: "10.0.0.21", tags: ["app"], switch: "tiers" },
  { name: "db1", ip: "10.0.0.31", tags: ["db", "pii"], switch: "tiers" },
  { name: "intruder", ip: "10.0.9.66", tags: [], switch: "guest" },
] as const;

/** A cloud of two switches and five hosts with one violation. */
export function cloudFixture(): State {
  return {
    name: "three-tier",
    mode: "namespaces",
    startedAt: Date.now() - 754_000,
    switches: [
      { name: "tiers", uuid: TIERS },
      { name: "guest", uuid: GUEST },
    ],
    ports: [
      ...HOSTS.map(({ name, ip, switch: on }, i) => ({
        name: `${name}-port`,
        switch: on,
        uuid: `0000000${i}-aaaa-4bbb-8ccc-00000000000${i}`,
        mac: `0a:00:00:00:00:${(11 + i).toString(16).padStart(2, "0")}`,
        ips: [ip],
        up: true,
        ofport: i + 1,
      })),
      { name: "spare", switch: "guest", mac: "0a:00:00:00:00:77", ips: [], up: false, ofport: null },
    ],
    hosts: HOSTS.map(({ name, ip, tags }, i) => ({
      name,
      port: `${name}-port`,
      mac: `0a:00:00:00:00:${(11 + i).toString(16).padStart(2, "0")}`,
      ips: name === "db1" ? [ip, "fd00::31"] : [ip],
      tags,
      namespace: `three-tier-${name}`,
    })),
    acls: [
      acl("a1b2c3d4-0000-4000-8000-000000000001", 2000, "outport == @db && ip4.src == $app && tcp.dst == 5432", "allow-related"),
      acl(DB_ACL, 1900, "outport == @db && ip", "drop", "db-closed"),
      acl("a1b2c3d4-0000-4000-8000-000000000003", 1000, 'outport == "app1-port" && tcp.dst == 8080', "allow"),
    ],
    reachability: { hosts: HOSTS.map(({ name }) => name), cells: cells(), measuredAt: Date.now() - 2000 },
    violations: [
      {
        policy: "pii",
        kind: "error",
        row: ["db1-port", "db1 is tagged pii and shares switch tiers with web1, which is not"],
        columns: ["port", "why"],
        rule: {
          file: "pii.dl",
          line: 9,
          text: 'error(port, "${host} is tagged pii and shares switch ${switch} with ${other}, which is not") :-\n  tagged(port, host, "pii"), on(port, switch), on(otherPort, switch), lab:host(port=otherPort, name=other), not tagged(otherPort, other, "pii")',
        },
        proof:
          'nb:Logical_Switch_Port 00000003 name="db1-port" external_ids:tags="db,pii"\nnb:Logical_Switch 5f0c1c1e name="tiers" ports={00000000, 00000003, …}\nnb:Logical_Switch_Port 00000000 name="web1-port" external_ids:tags="web"',
      },
    ],
    policies: [
      { name: "pii", file: "/srv/three-tier/policies/pii.dl", nRules: 4, status: "ok" },
      { name: "db-access", file: "/srv/three-tier/policies/db-access.dl", nRules: 3, status: "ok" },
    ],
    sockets: {
      nb: "/srv/three-tier/.tenet/run/nb.sock",
      sb: "/srv/three-tier/.tenet/run/sb.sock",
      db: "/srv/three-tier/.tenet/run/db.sock",
      openflow: "/srv/three-tier/.tenet/run/br-int.mgmt",
    },
    policyApi: "http://127.0.0.1:1789",
  };
}

/** The answer to `web1 -> db1 tcp 5432`: dropped by an ACL. */
export function droppedStory(question: string): Story {
  const acls = "7c1e90aa-33d1-4be8-9d7f-1a2b3c4d5e6f";
  return {
    question,
    verdict: "dropped",
    summary: 'The to-lport ACL "db-closed" on switch tiers drops it on its way to db1-port.',
    cause: {
      table: "ACL",
      uuid: DB_ACL,
      summary: "db-closed on switch tiers",
      columns: { direction: "to-lport", priority: 1900, match: "outport == @db && ip", action: "drop" },
      transaction: {
        id: "0b9d8c7e-aaaa-4bbb-8ccc-123456789abc",
        at: Date.now() - 600_000,
        client: "ovn-nbctl (pid 4711, uid 0)",
        comment: "ovn-nbctl acl-add tiers to-lport 1900 'outport == @db && ip' drop",
      },
    },
    megaflow: {
      match:
        "recirc_id(0),in_port(1),eth(src=0a:00:00:00:00:0b,dst=0a:00:00:00:00:0e),eth_type(0x0800),ipv4(src=10.0.0.11,dst=10.0.0.31,proto=6,frag=no),tcp(dst=5432)",
      actions: "drop",
    },
    layers: {
      logical: [
        logical("ls_in_check_port_sec", "ingress", 0, 50, "1", "reg0[15] = check_in_port_sec(); next;", "11111111"),
        logical("ls_in_acl", "ingress", 8, 0, "1", "next;", "22222222"),
        logical(
          "ls_in_l2_lkup",
          "ingress",
          24,
          50,
          "eth.dst == 0a:00:00:00:00:0e",
          'outport = "db1-port"; output;',
          "33333333",
          "00000003",
        ),
        { ...logical("ls_out_acl", "egress", 4, 2900, "(outport == @db && ip)", "drop;", "", DB_ACL.slice(0, 8)), uuid: acls },
      ],
      physical: [
        physical(0, "0x0", 100, "in_port=1", "set_field:0x1->reg14,set_field:0x1->metadata,resubmit(,8)"),
        physical(
          8,
          "0x11111111",
          50,
          "metadata=0x1",
          "resubmit(,73),move:NXM_NX_REG10[12]->NXM_NX_XXREG0[111],resubmit(,9)",
          "11111111",
        ),
        physical(16, "0x22222222", 0, "metadata=0x1", "resubmit(,17)", "22222222"),
        physical(32, "0x33333333", 50, "metadata=0x1,dl_dst=0a:00:00:00:00:0e", "set_field:0x4->reg15,resubmit(,37)", "33333333"),
        physical(37, "0x0", 0, "", "resubmit(,38)"),
        { ...physical(44, "0x7c1e90aa", 2900, "ip,reg15=0x4,metadata=0x1", "drop"), lflow: acls },
      ],
    },
  };
}

/** The answer to a question about a ping within a switch. */
export function forwardedStory(question: string): Story {
  const dropped = droppedStory(question);
  return {
    question,
    verdict: "forwarded",
    summary: "Delivered to app1-port on switch tiers.",
    cause: {
      table: "Logical_Switch_Port",
      uuid: "00000002-aaaa-4bbb-8ccc-000000000002",
      summary: "app1-port holds the destination address",
      columns: { name: "app1-port", addresses: ["0a:00:00:00:00:0d 10.0.0.21"] },
    },
    megaflow: { match: "in_port(1),eth(dst=0a:00:00:00:00:0d),eth_type(0x0800),ipv4(frag=no)", actions: "3" },
    layers: {
      logical: dropped.layers.logical.slice(0, 3),
      physical: [...dropped.layers.physical.slice(0, 5), physical(65, "0x0", 100, "reg15=0x3,metadata=0x1", "output:3")],
    },
  };
}

/** As {@link droppedStory}, with the 17 stages before the lookup and the 4 before the ACL that only pass the packet on. */
export function longStory(question: string): Story {
  const { layers, ...story } = droppedStory(question);
  const [checkPort, , lookup, deny] = layers.logical;
  const [entry, checkPortFlow, , lookupFlow, , denyFlow] = layers.physical;
  if (checkPort === undefined || lookup === undefined || deny === undefined) throw new Error("the story has its steps");
  if (entry === undefined || checkPortFlow === undefined || lookupFlow === undefined || denyFlow === undefined) {
    throw new Error("the story has its flows");
  }
  const ingress = Array.from({ length: 17 }, (_, i) => passing("ingress", `ls_in_pass_${i + 1}`, i + 1));
  const egress = Array.from({ length: 4 }, (_, i) => passing("egress", `ls_out_pass_${i}`, i));
  const linked = ({ uuid, table }: Logical, first: number): Physical => {
    const at = first + table;
    return { ...physical(at, `0x${uuid.slice(0, 8)}`, 0, "metadata=0x1", `resubmit(,${at + 1})`), lflow: uuid };
  };
  return {
    ...story,
    layers: {
      logical: [checkPort, ...ingress, lookup, ...egress, deny],
      physical: [
        entry,
        checkPortFlow,
        ...ingress.map((step) => linked(step, 8)),
        lookupFlow,
        physical(37, "0x0", 0, "", "resubmit(,38)"),
        ...egress.map((step) => linked(step, 40)),
        denyFlow,
      ],
    },
  };
}

function passing(pipeline: Logical["pipeline"], stage: string, table: number): Logical {
  return logical(stage, pipeline, table, 0, "1", "next;", `${pipeline === "ingress" ? "a" : "b"}${`${table}`.padStart(7, "0")}`);
}

function acl(uuid: string, priority: number, match: string, action: string, name?: string): State["acls"][number] {
  return {
    uuid,
    switchOrGroup: "tiers",
    direction: "to-lport",
    priority,
    match,
    action,
    ...(name === undefined ? {} : { name }),
  };
}

function cells(): ReachabilityCell[] {
  const names = HOSTS.map(({ name }) => name);
  return names.flatMap((from) =>
    names
      .filter((to) => to !== from)
      .map((to): ReachabilityCell => {
        const isSameSwitch = from !== "intruder" && to !== "intruder";
        const isOpen = isSameSwitch && (to !== "db1" || from === "app1");
        const port = to === "db1" ? 5432 : to === "app1" ? 8080 : 80;
        return { from, to, ping: isSameSwitch && to !== "db1" ? "ok" : "no", tcp: [{ port, open: isOpen }] };
      }),
  );
}

function uuidFor(prefix: string): string {
  return `${prefix}-5555-4666-8777-888888888888`;
}

type Logical = Story["layers"]["logical"][number];

function logical(
  stage: string,
  pipeline: Logical["pipeline"],
  table: number,
  priority: number,
  match: string,
  actions: string,
  prefix: string,
  hint?: string,
): Logical {
  return { stage, pipeline, table, priority, match, actions, uuid: uuidFor(prefix), ...(hint === undefined ? {} : { hint }) };
}

type Physical = Story["layers"]["physical"][number];

function physical(table: number, cookie: string, priority: number, match: string, actions: string, prefix?: string): Physical {
  return { table, cookie, priority, match, actions, ...(prefix === undefined ? {} : { lflow: uuidFor(prefix) }) };
}
