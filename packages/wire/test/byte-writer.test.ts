import { expect, test } from "vitest";
import { ByteWriter } from "@tenet/wire";

test("a writer that was given back is empty for the next who borrows it, and its bytes stay theirs", () => {
  const first = ByteWriter.borrow();
  const bytes = first.u32(0xdead_beef).zeros(400).u8(7).giveBack();
  const second = ByteWriter.borrow();
  expect(second.length).toBe(0);
  expect([...second.u16(1).giveBack()]).toEqual([0, 1]);
  expect([...bytes.subarray(0, 4)]).toEqual([0xde, 0xad, 0xbe, 0xef]);
  expect(bytes.length).toBe(405);
  expect(bytes[404]).toBe(7);
});

test("writers that are borrowed at once are not the same", () => {
  const [outer, inner] = [ByteWriter.borrow().u8(1), ByteWriter.borrow().u8(2)];
  outer.bytes(inner.giveBack());
  expect([...outer.giveBack()]).toEqual([1, 2]);
});
