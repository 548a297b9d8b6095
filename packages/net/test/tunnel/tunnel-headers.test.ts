/** Tunnel headers: what is written is read, as the bytes that others write; what is broken is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addToSum,
  clearTunnel,
  copyTunnel,
  FIELDS,
  finishGre,
  getField,
  getFieldBig,
  isSameTunnel,
  makeFlowKey,
  readGeneve,
  readGre,
  readVxlan,
  setField,
  setFieldBig,
  TUNNEL_FLAG,
  TUNNEL_START,
  writeGeneve,
  writeGre,
  writeVxlan,
} from "@tenet/net";

const AT = 3; // headers need no alignment

/** Options as words: class, type and length, then data. */
const options = fc
  .array(
    fc.record({
      kind: fc.nat(0xffffff),
      data: fc.array(fc.nat(0xffffffff), { maxLength: 8 }),
    }),
    { maxLength: 7 },
  )
  .map((list) => list.flatMap(({ kind, data }) => [((kind << 8) | data.length) >>> 0, ...data]));

const geneveKey = fc
  .record({ id: fc.nat(0xffffff), oam: fc.boolean(), words: options.filter((words) => words.length <= 63) })
  .map(({ id, oam, words }) => {
    const key = makeFlowKey();
    setFieldBig(key, FIELDS.tun_id, BigInt(id));
    setField(key, FIELDS.tun_flags, TUNNEL_FLAG.key | (oam ? TUNNEL_FLAG.oam : 0));
    setFieldBig(key, FIELDS.tun_options_present, BigInt(4 * words.length));
    key.set(words, FIELDS.tun_options.word);
    return key;
  });

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

describe("Geneve", () => {
  test("is read as it was written", () => {
    fc.assert(
      fc.property(geneveKey, (key) => {
        const bytes = new Uint8Array(300);
        const size = writeGeneve(bytes, AT, key);
        const back = makeFlowKey();
        expect(readGeneve(bytes, AT, AT + size, back)).toBe(size);
        expect(back).toEqual(key);
        for (const end of [0, 7, size - 1]) expect(readGeneve(bytes, AT, AT + end, makeFlowKey())).toBe(0);
      }),
    );
  });

  test("has the bytes that OVN's tunnels have", () => {
    const bytes = bytesOf("02 40 6558 000005 00  0102 80 01 00028003");
    const key = makeFlowKey();
    expect(readGeneve(bytes, 0, bytes.length, key)).toBe(16);
    expect(getFieldBig(key, FIELDS.tun_id)).toBe(5n);
    expect(key[FIELDS.tun_options.word + 1]).toBe(0x00028003);
    const written = new Uint8Array(bytes.length);
    writeGeneve(written, 0, key);
    expect(written).toEqual(bytes);
  });

  test("of another version or protocol, or with options that end elsewhere, is refused", () => {
    for (const hex of ["40 00 6558 000005 00", "00 00 0800 000005 00", "01 00 6558 000005 00  0102 80 01"]) {
      expect(readGeneve(bytesOf(hex), 0, 12, makeFlowKey())).toBe(0);
    }
  });
});

describe("VXLAN", () => {
  const vxlanKey = fc
    .record({ id: fc.nat(0xffffff), policy: fc.nat(0xffff), flags: fc.constantFrom(0, 8, 0x40, 0x48) })
    .map(({ id, policy, flags }) => {
      const key = makeFlowKey();
      setFieldBig(key, FIELDS.tun_id, BigInt(id));
      setField(key, FIELDS.tun_flags, TUNNEL_FLAG.key);
      setField(key, FIELDS.tun_gbp_id, policy);
      setField(key, FIELDS.tun_gbp_flags, flags);
      return key;
    });

  test("is read as it was written", () => {
    fc.assert(
      fc.property(vxlanKey, (key) => {
        const bytes = new Uint8Array(16);
        expect(writeVxlan(bytes, AT, true, key)).toBe(8);
        const back = makeFlowKey();
        expect(readVxlan(bytes, AT, AT + 8, true, back)).toBe(8);
        expect(back).toEqual(key);
        expect(readVxlan(bytes, AT, AT + 7, true, makeFlowKey())).toBe(0);
      }),
    );
  });

  test("with a group policy is refused by a port that does not speak of policies", () => {
    const bytes = bytesOf("88 08 0077 000007 00");
    expect(readVxlan(bytes, 0, 8, false, makeFlowKey())).toBe(0);
    const key = makeFlowKey();
    expect(readVxlan(bytes, 0, 8, true, key)).toBe(8);
    expect([getField(key, FIELDS.tun_gbp_id), getField(key, FIELDS.tun_gbp_flags)]).toEqual([0x77, 8]);
  });

  test("without its flag, or with a byte behind the identifier, is refused", () => {
    for (const hex of ["00 000000 000007 00", "08 000000 000007 01", "08 000001 000007 00"]) {
      expect(readVxlan(bytesOf(hex), 0, 8, false, makeFlowKey())).toBe(0);
    }
  });
});

describe("GRE", () => {
  const greKey = fc.record({ id: fc.nat(0xffffffff), flags: fc.constantFrom(0, 4, 8, 12) }).map(({ id, flags }) => {
    const key = makeFlowKey();
    setField(key, FIELDS.tun_flags, flags);
    if ((flags & TUNNEL_FLAG.key) !== 0) setFieldBig(key, FIELDS.tun_id, BigInt(id));
    return key;
  });

  test("is read as it was written, with its checksum", () => {
    fc.assert(
      fc.property(greKey, fc.uint8Array({ maxLength: 9 }), (key, payload) => {
        const bytes = new Uint8Array(64);
        const size = writeGre(bytes, AT, 0x6558, key);
        const end = AT + size + payload.length;
        bytes.set(payload, AT + size);
        finishGre(bytes, AT, AT + size, addToSum(0, payload, 0, payload.length));
        const back = makeFlowKey();
        expect(readGre(bytes, AT, end, back)).toBe(size);
        expect(back).toEqual(key);
        expect(readGre(bytes, AT, AT + size - 1, makeFlowKey())).toBe(0);
      }),
    );
  });

  test("has a sequence number maybe, which is passed over", () => {
    const key = makeFlowKey();
    expect(readGre(bytesOf("3000 6558 00000007 00000001"), 0, 12, key)).toBe(12);
    expect(getFieldBig(key, FIELDS.tun_id)).toBe(7n);
  });

  test("with a wrong checksum, routing or another version is refused", () => {
    for (const hex of ["8000 6558 12340000", "4000 6558 00000000", "0001 6558 00000000"]) {
      expect(readGre(bytesOf(hex), 0, 8, makeFlowKey())).toBe(0);
    }
  });
});

test("any bytes are read or refused, and stay within the block", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 280 }), fc.boolean(), (bytes, hasPolicy) => {
      for (const read of [
        readGeneve,
        readGre,
        (b: Uint8Array, at: number, end: number, out: Uint32Array) => readVxlan(b, at, end, hasPolicy, out),
      ]) {
        const key = makeFlowKey();
        expect(read(bytes, 0, bytes.length, key)).toBeLessThanOrEqual(bytes.length);
        clearTunnel(key);
        expect(key).toEqual(makeFlowKey());
      }
    }),
  );
});

test("a copy of a block has nothing of what was there before", () => {
  fc.assert(
    fc.property(geneveKey, geneveKey, (a, b) => {
      const copy = a.slice();
      copyTunnel(copy, b);
      expect(isSameTunnel(copy, b)).toBe(true);
      copy[TUNNEL_START] = 1;
      expect(isSameTunnel(copy, b)).toBe(false);
    }),
  );
});
