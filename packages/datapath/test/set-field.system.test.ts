/** Fields that the kernel's program sets, and the checksums over them, against the datapath in user space. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";
import type { DatapathAction } from "@tenet/datapath";
import { FIELDS, type FieldName, fieldOnes, makeFlowKey, setFieldBig } from "@tenet/net";
import { SET_FIELD_ACTIONS } from "../src/ebpf/actions/set-field.ts";
import type { ActionName } from "../src/ebpf/actions/actions.ts";
import { BASES } from "./any-frame.ts";
import { BesideUser } from "./beside-user.ts";
import { canRunSummed } from "./summed-packets.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

const SETTABLE: readonly FieldName[] = [
  ...(["eth_dst", "eth_src", "vlan_tci", "nw_proto", "nw_tos", "nw_ttl", "nw_src", "nw_dst", "ipv6_src", "ipv6_dst"] as const),
  ...(["ipv6_label", "arp_sha", "arp_tha", "tp_src", "tp_dst", "nd_target", "mpls_lse"] as const),
];
const KNOWN = { eth_type: 0, vlan_tci: 0, nw_proto: 0 } as const;

/** A frame of some protocol, with bytes of its headers changed here and there. */
const anyFrame = fc
  .tuple(fc.constantFrom(...BASES), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 3 }))
  .map(([base, changes]) => {
    const frame = base.slice();
    for (const [at, value] of changes) if (at < frame.length) frame[at] = value;
    return frame;
  });

/** Bits of some fields to set: most often all of one, or few. */
const anyRewrite = fc
  .array(
    fc.tuple(
      fc.constantFrom(...SETTABLE),
      fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
      fc.option(fc.bigInt(0n, (1n << 128n) - 1n)),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((fields): DatapathAction => {
    const [key, mask] = [makeFlowKey(), makeFlowKey()];
    for (const [name, value, bits] of fields) {
      const ones = fieldOnes(FIELDS[name]);
      setFieldBig(key, FIELDS[name], value & ones);
      setFieldBig(mask, FIELDS[name], (bits ?? ones) & ones);
    }
    return { type: "setMasked", key, mask };
  });

const OUTPUT: DatapathAction = { type: "output", port: 2 };
const NAMES = new Set<ActionName>([...(Object.keys(SET_FIELD_ACTIONS) as ActionName[]), "send"]);

describe.skipIf(obstacle !== undefined)("a rewrite in the kernel", () => {
  let both: BesideUser;

  beforeAll(() => {
    both = new BesideUser(NAMES);
  });

  afterAll(() => both.close());

  /** @returns how many packets the program has rewritten */
  function compare(frames: fc.Arbitrary<Uint8Array>, numRuns: number): number {
    let nDone = 0;
    fc.assert(
      fc.property(frames, anyRewrite, (frame, rewrite) => {
        if (both.areAlike(frame, KNOWN, [rewrite, OUTPUT])) nDone++;
      }),
      { numRuns },
    );
    return nDone;
  }

  test("gives the same bytes as in user space", () => {
    both.program.isSummed = false;
    expect(compare(anyFrame, 3000)).toBeGreaterThan(1000);
  });

  test("keeps a device's sum of all bytes true", (context) => {
    both.program.isSummed = true;
    if (!canRunSummed(both.program)) context.skip("the kernel runs no packets that are summed up, as it does from 6.16 on");
    expect(compare(anyFrame, 1500)).toBeGreaterThan(500);
  });
});
