/** The choice of a datapath, where the kernel does not do. */
import { AppError } from "@tenet/kit";
import { expect, test } from "vitest";
import { describePlacement, openDatapath } from "../src/open-datapath.ts";

const obstructed = (): { reason: string; mend: string } => ({ reason: "not run as root", mend: "Run it as root on Linux" });

test("without the kernel, auto is user space, and says why and what to do", async () => {
  const { datapath, whyUserSpace } = openDatapath("auto", {}, obstructed);
  expect(datapath.type).toBe("user");
  expect(describePlacement(whyUserSpace)).toBe("Flows run in user space: not run as root (Run it as root on Linux)");
  await datapath[Symbol.asyncDispose]();
});

test("who asks for the kernel gets an error instead", () => {
  let error: unknown;
  try {
    openDatapath("ebpf", {}, obstructed);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ message: "Cannot forward in the kernel: not run as root", hint: "Run it as root on Linux" });
});

test("who asks for user space gets it without a look at the kernel", async () => {
  const { datapath, whyUserSpace } = openDatapath("user", {}, () => {
    throw new Error("looked");
  });
  expect([datapath.type, describePlacement(whyUserSpace)]).toEqual(["user", "Flows run in user space: as asked for"]);
  await datapath[Symbol.asyncDispose]();
});
