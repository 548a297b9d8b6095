import { expect, test } from "vitest";
import { slowPathCommands } from "../src/control/slow-path-commands.ts";
import { run } from "./answers.ts";
import { Bench } from "./bench-switch.ts";

const from = (port: number): string =>
  `in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=${port},tp_dst=80`;

test("without megaflows each connection has a flow of its own, as ovs-appctl says it shall", async () => {
  const bench = new Bench(2, ["in_port=1,actions=output:2"]);
  const ask = (name: string): Promise<string> => run(slowPathCommands(bench.vswitch), name);
  const send = (): number => {
    for (const port of [1, 2, 3]) expect(bench.send(from(port))).toEqual(["p2"]);
    return bench.megaflows().length;
  };
  expect(send()).toBe(1);
  expect(await ask("upcall/disable-megaflows")).toBe("megaflows disabled");
  expect(bench.megaflows()).toEqual([]);
  expect(send()).toBe(3);
  bench.add("in_port=1,actions=output:2,output:2"); // its flows are made true again
  expect(bench.send(from(2))).toEqual(["p2", "p2"]);
  expect(bench.megaflows().length).toBe(3);
  expect(await ask("upcall/enable-megaflows")).toBe("megaflows enabled");
  expect(await ask("upcall/disable-ufid")).toBe("Datapath dumping tersely using UFID disabled");
});
