import fc from "fast-check";
import { expect, test } from "vitest";
import {
  AddressError,
  formatIp4,
  formatIp6,
  formatMac,
  formatPrefix,
  ip4LengthOfMask,
  ip4MaskOfLength,
  linkLocalOfMac,
  multicastMacOfIp6,
  networkOf,
  parseIp4,
  parseIp6,
  parseMac,
  parsePrefix,
  prefixContains,
  solicitedNodeOf,
} from "@tenet/net";

test("an Ethernet address reads back from its own text", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (mac) => {
      expect(parseMac(formatMac(mac))).toBe(mac);
    }),
  );
  expect(parseMac("0A-0-0-0-0-1")).toBe(0x0a0000000001);
});

test("an IPv4 address reads back from its own text", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (address) => {
      expect(parseIp4(formatIp4(address))).toBe(address);
    }),
  );
});

test("an IPv6 address reads back from its own text", () => {
  const group = fc.oneof(fc.constant([0, 0]), fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 2, maxLength: 2 }));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const bytes = Uint8Array.from(groups.flat());
      expect(parseIp6(formatIp6(bytes))).toEqual(bytes);
    }),
  );
});

test.each([
  ["2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["::1", "::1"],
  ["fe80::", "fe80::"],
  ["::ffff:10.1.2.3", "::ffff:10.1.2.3"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
])("%s is written %s", (text, canonical) => {
  expect(formatIp6(parseIp6(text))).toBe(canonical);
});

test.each(["", ":", "1:2", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", "::1:2:3:4:5:6:7:8", "g::", "1.2.3.4", "::1.2.3.256"])(
  "%j is no IPv6 address",
  (text) => {
    expect(() => parseIp6(text)).toThrow(AddressError);
  },
);

test.each(["", "10.0.0", "10.0.0.256", "10.0.0.1.2", "a.b.c.d", "10.0.0.-1"])("%j is no IPv4 address", (text) => {
  expect(() => parseIp4(text)).toThrow(AddressError);
});

test("an address error names the text, the fault and a right example", () => {
  expect(() => parseMac("0a:00:00:00:00")).toThrow(
    'Cannot read "0a:00:00:00:00" as an Ethernet address: not six hexadecimal bytes',
  );
  expect(() => parsePrefix("10.0.0.0/33")).toThrow("length 33 is more than 32");
  expect(() => parsePrefix("10.0.0.0/255.0.255.0")).toThrow("not a length or contiguous mask");
  expect(() => parsePrefix("10.0.0/8")).toThrow('"10.0.0" is not an IP address');
});

test.each([
  ["10.0.0.7/24", "10.0.0.7/24"],
  ["10.0.0.0/255.255.0.0", "10.0.0.0/16"],
  ["10.0.0.1", "10.0.0.1"],
  ["fd00::/ffff:ffff::", "fd00::/32"],
  ["fd00::1/128", "fd00::1"],
  ["0.0.0.0/0", "0.0.0.0/0"],
])("prefix %s is written %s", (text, written) => {
  expect(formatPrefix(parsePrefix(text))).toBe(written);
});

test("a prefix contains the addresses that share its leading bits", () => {
  const prefix = parsePrefix("10.0.16.0/20");
  expect(prefixContains(prefix, Uint8Array.of(10, 0, 31, 255))).toBe(true);
  expect(prefixContains(prefix, Uint8Array.of(10, 0, 32, 0))).toBe(false);
  expect(prefixContains(prefix, parseIp6("fd00::1"))).toBe(false);
  expect(formatPrefix(networkOf(parsePrefix("fd00:1:2:3::9/48")))).toBe("fd00:1:2::/48");
});

test("a mask and its length are the same thing", () => {
  for (let length = 0; length <= 32; length++) expect(ip4LengthOfMask(ip4MaskOfLength(length))).toBe(length);
  expect(ip4LengthOfMask(0xff00ff00)).toBeUndefined();
});

test("addresses derived from a MAC address follow their RFCs", () => {
  expect(formatIp6(linkLocalOfMac(parseMac("0a:00:00:00:00:01")))).toBe("fe80::800:ff:fe00:1");
  const group = solicitedNodeOf(parseIp6("fd00::12:3456"));
  expect(formatIp6(group)).toBe("ff02::1:ff12:3456");
  expect(formatMac(multicastMacOfIp6(group))).toBe("33:33:ff:12:34:56");
});
