import { AppError } from "@tenet/kit";
import { expect, test } from "vitest";
import { upConfig } from "../src/config.ts";

test("without flags and environment, Congress's port, the console's, and the best hosts", () => {
  const config = upConfig("lab", {}, {}, "/here");
  expect(config).toMatchObject({
    policyPort: 1789,
    consolePort: 8089,
    mode: undefined,
    prefix: "tenet-",
    datapath: "auto",
    once: false,
  });
  expect(config.home.path).toMatch(/\/\.tenet$/);
  expect(config.home.runDir).toBe(`${config.home.path}/run`);
});

test("a flag wins over the environment, the environment over the default", () => {
  const env = { TENET_POLICY_PORT: "1000", TENET_CONSOLE_PORT: "2000", TENET_HOSTS: "simulated", TENET_HOME: "/state" };
  const config = upConfig(undefined, { consolePort: "3000" }, env, "/here");
  expect(config).toMatchObject({ policyPort: 1000, consolePort: 3000, mode: "simulated", lab: undefined });
  expect(config.home).toEqual({ path: "/state", runDir: "/state/run" });
});

test.each([
  [{ policyPort: "65536" }, {}, '"65536" (--policy-port)', "0 to 65535"],
  [{ policyPort: "1e3" }, {}, '"1e3" (--policy-port)', "0 to 65535"],
  [{}, { TENET_CONSOLE_PORT: "" }, '"" (TENET_CONSOLE_PORT)', "0 to 65535"],
  [{ hosts: "namespace" }, {}, '"namespace" (--hosts)', 'did you mean "namespaces"'],
  [{}, { TENET_HOSTS: "vm" }, '"vm" (TENET_HOSTS)', "simulated"],
  [{ datapath: "epbf" }, {}, '"epbf" (--datapath)', 'did you mean "ebpf"'],
  [{ prefix: "eth" }, {}, '"eth" (--prefix)', "a dash at the end"],
  [{ prefix: "much-too-long-" }, {}, '"much-too-long-" (--prefix)', "1 to 7"],
])("settings that cannot be used name their source and the mend: %j %j", (flags, env, named, mend) => {
  let error: unknown;
  try {
    upConfig(undefined, flags, env, "/");
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).message).toContain(named);
  expect((error as AppError).hint).toContain(mend);
});
