/** Meters by the real ovs-ofctl: this switch and Debian's answer alike. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`meters.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const COMMANDS: readonly (readonly string[])[] = [
  ["add-meter", "br0", "meter=1,kbps,burst,stats,bands=type=drop,rate=100,burst_size=50"],
  ["add-meter", "br0", "meter=2,pktps,bands=type=drop,rate=5"],
  ["add-meter", "br0", "meter=1,kbps,bands=type=drop,rate=5"],
  ["add-meter", "br0", "meter=4,kbps,bands=type=drop,rate=5 type=drop,rate=10"],
  ["add-meter", "br0", "meter=controller,pktps,bands=type=drop,rate=5"],
  ["add-meter", "br0", "meter=99999999,pktps,bands=type=drop,rate=5"],
  ["add-meter", "br0", "meter=7,kbps,pktps,bands=type=drop,rate=5"],
  ["mod-meter", "br0", "meter=1,pktps,bands=type=drop,rate=7"],
  ["mod-meter", "br0", "meter=77,pktps,bands=type=drop,rate=7"],
  ["dump-meters", "br0", "meter=1"],
  ["dump-meters", "br0", "meter=4"],
  ["dump-meters", "br0", "meter=44"],
  ["dump-meter", "br0", "meter=controller"],
  ["meter-stats", "br0", "meter=44"],
  ["add-flow", "br0", "actions=meter:2,output:1"],
  ["add-flow", "br0", "table=1,actions=meter:44,output:1"],
  ["add-flow", "br0", "table=3,actions=meter:1,set_field:1->reg0,goto_table:4"],
  ["meter-stats", "br0", "meter=2"],
  ["meter-stats", "br0", "meter=4"],
  ["dump-flows", "br0"],
  ["del-meter", "br0", "meter=2"],
  ["del-meter", "br0", "meter=66"],
  ["dump-flows", "br0"],
  ["del-meters", "br0"],
  ["dump-meters", "br0"],
  ["dump-flows", "br0"],
];

systemTest("every command about meters prints what it prints on the original", { timeout: 240_000 }, async () => {
  await using pair = await SideBySide.start();
  for (const version of ["OpenFlow13", "OpenFlow15"]) {
    for (const command of COMMANDS) {
      const [theirs, ours] = await pair.run("ovs-ofctl", "-O", version, ...command);
      expect(ours, `${version} ${command.join(" ")}`).toBe(theirs);
    }
  }
});
