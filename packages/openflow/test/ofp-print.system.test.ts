/** Whole messages as text, against what `ovs-ofctl ofp-parse` makes of the same bytes. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { encodeMessage, formatMessage, type Message, type Version, VERSION } from "@tenet/openflow";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { groupModArbitrary } from "./arbitrary-group.ts";
import { MORE_MESSAGES } from "./more-messages.ts";
import { flowArbitrary, sayable } from "./arbitrary-flow.ts";
import { MESSAGES, VERSIONS } from "./sample-messages.ts";

const run = promisify(execFile);
const hasOfctl = spawnSync("ovs-ofctl", ["--version"]).status === 0;
if (!hasOfctl) console.log("skipped: ovs-ofctl is not installed");

/** What it prints of each message; a marker that it prints, too, parts them. */
async function theirTexts(messages: readonly Uint8Array[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "tenet-openflow-"));
  const marker = encodeMessage({ type: "setControllerId", controllerId: 4711 }, 4, 0x7eefeed);
  try {
    const file = join(folder, "messages");
    writeFileSync(file, Buffer.concat(messages.flatMap((bytes) => [bytes, marker])));
    const { stdout } = await run("ovs-ofctl", ["ofp-parse", file], { maxBuffer: 1 << 26 });
    return stdout.split(formatMessage(marker)).slice(0, -1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Whether the original's text says what the message does. */
function isComparable(message: Message): boolean {
  if (message.type === "multipartReply") return message.reply.kind !== "tableFeatures"; // of fields and actions we say nothing
  if (message.type === "tableMod") return message.config !== 12; // it reads this as an error of its own
  return message.type !== "ctFlush" || message.reply.srcPort === undefined; // ports of ICMP
}

describe.skipIf(!hasOfctl)("against ovs-ofctl", () => {
  test("every message prints as it does there", async () => {
    const samples = [...MESSAGES, ...MORE_MESSAGES].filter(([message]) => isComparable(message));
    const encoded = samples.flatMap(([message, versions]) => versions.map((version) => encodeMessage(message, version, 42)));
    const texts = await theirTexts(encoded);
    expect(texts).toHaveLength(encoded.length);
    encoded.forEach((bytes, i) => expect(formatMessage(bytes)).toBe(texts[i]));
  });

  test.each([VERSION.OF11, VERSION.OF12])(
    "version %i: random changes of flows print as they do there",
    async (version: Version) => {
      const flows = fc.sample(flowArbitrary, { numRuns: 100, seed: version });
      const encoded = flows.map((flow) => {
        const match = sayable(flow.match, version);
        return encodeMessage({ type: "flowMod", command: "add", flow: { ...flow, match } }, version, 42);
      });
      const texts = await theirTexts(encoded);
      const pairs = encoded.map((bytes, i) => [formatMessage(bytes), texts[i]] as const);
      const consistent = pairs.filter(([, text]) => text?.includes("decode error") === false);
      expect(consistent.length).toBeGreaterThan(10);
      for (const [ours, theirs] of consistent) expect(ours).toBe(theirs);
    },
  );

  test.each(VERSIONS)("version %i: random changes of groups print as they do there", async (version: Version) => {
    const mods = fc
      .sample(groupModArbitrary, { numRuns: 300, seed: version })
      .filter(({ command }) => version === 1 || version >= 6 || (command !== "insertBucket" && command !== "removeBucket"))
      .map((mod) => ({ ...mod, group: { ...mod.group, buckets: mod.group.buckets.map((each) => ({ ...each, actions: [] })) } }));
    const encoded = mods.map((mod) => encodeMessage(mod, version, 42));
    const texts = await theirTexts(encoded);
    encoded.forEach((bytes, i) => expect(formatMessage(bytes)).toBe(texts[i]));
  });

  test("what is no message, or none of its version, is shown as it is there", async () => {
    const texts = ["0463000800000001", "0412001000000001004d000000000000", "04040010000000010000123400000001"].concat(
      "04040010000000010000232000009999",
      "0204000800000001",
      "0405000900000001",
      "040500",
    );
    for (const text of texts) {
      const { stdout } = await run("ovs-ofctl", ["ofp-print", text]);
      expect(formatMessage(Uint8Array.from(Buffer.from(text, "hex"))), text).toBe(stdout);
    }
  });
});
