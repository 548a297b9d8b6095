/** `ct` from OpenFlow to the wire: what is let through, translated, remembered, recirculated and cleaned up. */
import { expect, test } from "vitest";
import { formatConnection } from "../src/trace/format-connection.ts";
import { Cables } from "./cables.ts";

const FIREWALL = [
  "table=0,priority=10,ip,actions=ct(table=1,zone=7)",
  "table=1,in_port=1,ip,ct_state=+trk+new,actions=ct(commit,zone=7,exec(set_field:5->ct_mark)),2",
  "table=1,in_port=1,ip,ct_state=+trk+est,actions=2",
  "table=1,in_port=2,ip,ct_state=+trk+est,actions=1",
];
const OUT = "dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b,udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=5,tp_dst=6";
const BACK = "dl_src=02:00:00:00:00:0b,dl_dst=02:00:00:00:00:0a,udp,nw_src=10.0.0.2,nw_dst=10.0.0.1,tp_src=6,tp_dst=5";

function firewall(flows: readonly string[] = FIREWALL): Cables {
  const cables = new Cables("p1", "p2");
  for (const flow of flows) cables.apply(flow);
  return cables;
}

test("answers come in, what was not asked for does not", async () => {
  await using cables = firewall();
  expect(cables.send("p2", BACK)).toEqual([]);
  expect(cables.send("p1", OUT)).toEqual(["p2"]);
  expect(cables.send("p2", BACK)).toEqual(["p1"]);
  expect(cables.send("p2", BACK.replace("tp_src=6", "tp_src=7"))).toEqual([]);
});

test("packets of a connection take two megaflows, and later ones no upcall", async () => {
  await using cables = firewall();
  cables.send("p1", OUT);
  cables.send("p2", BACK);
  cables.send("p1", OUT);
  const { misses } = cables.datapath.stats();
  for (let i = 0; i < 5; i++) expect([cables.send("p1", OUT), cables.send("p2", BACK)]).toEqual([["p2"], ["p1"]]);
  expect(cables.datapath.stats().misses).toBe(misses);
  const [connection] = [...cables.datapath.conntrack.connections()];
  if (connection === undefined) throw new Error("there is no connection");
  expect(formatConnection(connection)).toBe(
    "udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=5,dport=6),reply=(src=10.0.0.2,dst=10.0.0.1,sport=6,dport=5),zone=7,mark=5",
  );
});
