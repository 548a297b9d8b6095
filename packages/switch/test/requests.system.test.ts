/** Queues and tunnel options by the real ovs-ofctl: this switch and Debian's answer alike. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`requests.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const COMMANDS: readonly (readonly string[])[] = [
  ["queue-stats", "br0"],
  ["queue-stats", "br0", "1"],
  ["queue-stats", "br0", "1", "5"],
  ["queue-stats", "br0", "99"],
  ["del-tlv-map", "br0"],
  ["add-tlv-map", "br0", "{class=0xffff,type=0,len=4}->tun_metadata0"],
  ["add-tlv-map", "br0", "{class=0xffff,type=1,len=8}->tun_metadata1,{class=0xffff,type=0x80,len=4}->tun_metadata5"],
  ["add-tlv-map", "br0", "{class=0xffff,type=1,len=8}->tun_metadata9"],
  ["add-tlv-map", "br0", "{class=0xffff,type=9,len=8}->tun_metadata1"],
  ["add-tlv-map", "br0", "{class=0xffff,type=9,len=7}->tun_metadata11"],
  ["add-tlv-map", "br0", "{class=0xffff,type=10,len=124}->tun_metadata20"],
  ["add-tlv-map", "br0", "{class=0xffff,type=11,len=124}->tun_metadata21"],
  ["dump-tlv-map", "br0"],
  ["del-tlv-map", "br0", "{class=0xffff,type=10,len=124}->tun_metadata20"],
  ["dump-tlv-map", "br0"],
];

systemTest("requests about queues and tunnel options print what they print on the original", { timeout: 240_000 }, async () => {
  await using pair = await SideBySide.start();
  for (const version of ["OpenFlow10", "OpenFlow13", "OpenFlow15"]) {
    for (const command of COMMANDS) {
      const [theirs, ours] = await pair.run("ovs-ofctl", "-O", version, ...command);
      expect(ours, `${version} ${command.join(" ")}`).toBe(theirs);
    }
    const [theirs, ours] = await pair.run("ovs-ofctl", "-O", version, "show", "br0");
    const capabilities = (text: string): string | undefined => /^capabilities:.*/m.exec(text)?.[0];
    expect(capabilities(ours), theirs).toBe(capabilities(theirs));
  }
});
