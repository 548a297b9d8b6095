/** The built page in a real browser, against a server under the test's control. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeServer } from "./fake-server.ts";
import { cloudFixture, droppedStory, forwardedStory, longStory } from "./fixture.ts";
import { largeCloud } from "./large-cloud.ts";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) console.log(`console: skipped, no Chromium at ${CHROMIUM} (set CHROMIUM to its path)`);

describe.skipIf(!hasChromium)("the page in Chromium", () => {
  let folder = "";
  let browser: Browser;
  let server: FakeServer;
  let page: Page;
  let requested: string[] = [];
  let errors: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tenet-console-"));
    const root = fileURLToPath(new URL("..", import.meta.url));
    vi.stubEnv("NODE_ENV", "production");
    await build({ root, logLevel: "error", build: { outDir: folder, emptyOutDir: true } });
    vi.unstubAllEnvs();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  });

  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    server = new FakeServer(folder, cloudFixture(), (question) =>
      question.includes("db1") ? droppedStory(question) : forwardedStory(question),
    );
    await server.start();
    requested = [];
    errors = [];
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on("request", (request) => requested.push(request.url()));
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) errors.push(message.text());
    });
    await page.goto(server.url);
    await page.waitForSelector("#topology");
  });

  afterEach(async () => {
    await page?.close();
    await server?.stop();
    expect(errors).toEqual([]);
  });

  test("hosts stand under their switches, and what a violation names is marked", async () => {
    expect(await page.getByRole("button", { name: /^Host / }).count()).toBe(5);
    expect(await page.locator(".bar-name").allTextContents()).toEqual([
      expect.stringContaining("tiers"),
      expect.stringContaining("guest"),
    ]);
    expect(await page.locator(".endpoint.error").count()).toBe(1);
    const host = page.getByRole("button", { name: /^Host db1.*1 violation/ });
    expect(await host.count()).toBe(1);
    await page.hover("#violations li");
    expect(await page.locator(".endpoint.marked .host-name").textContent()).toBe("db1");
  });

  test("everything comes from the page's own server", () => {
    expect(requested.filter((url) => !url.startsWith(server.url))).toEqual([]);
  });

  test("a pushed state replaces what is shown", async () => {
    server.push({ ...cloudFixture(), name: "renamed", violations: [] });
    await page.getByText("renamed").waitFor();
    await page.getByText("The 2 policies in force hold.").waitFor();
    expect(await page.locator(".endpoint.error").count()).toBe(0);
  });

  test("more violations than are listed are counted", async () => {
    server.push({ ...cloudFixture(), nViolations: 41 });
    await page.getByText("and 40 more").waitFor();
  });

  test("a broken policy file shows its error and that the last good version holds", async () => {
    const state = cloudFixture();
    const [first, ...others] = state.policies;
    if (first === undefined) throw new Error("the fixture has policies");
    server.push({ ...state, policies: [{ ...first, status: "stale", error: "pii.dl:9:3: Unknown table" }, ...others] });
    await page.getByText("its last good version is in force").waitFor();
    expect(await page.locator("#policies .fault").textContent()).toContain("pii.dl:9:3");
  });

  test("a result of the matrix is explained with cause, transaction and both pipelines", async () => {
    await page.getByRole("button", { name: "web1 → db1 tcp 5432: blocked" }).click();
    await page.locator(".verdict.dropped").waitFor();
    expect(server.questions).toEqual(["web1 -> db1 tcp 5432"]);
    const story = page.locator(".story");
    for (const text of ["db-closed", "ovn-nbctl (pid 4711, uid 0)", "acl-add tiers", "ls_out_acl", "table 44", "recirc_id(0)"]) {
      expect(await story.textContent()).toContain(text);
    }
    const deciding = page.locator(".layer-row.deciding");
    expect(await deciding.count()).toBe(1);
    expect(await deciding.textContent()).toContain("0x7c1e90aa");
    expect(page.url()).toContain("#why=web1");
  });

  test("steps that only pass the packet on are one slim row, which opens and closes by mouse and by keyboard", async () => {
    server.answer = longStory;
    await page.getByRole("button", { name: "web1 → db1 tcp 5432: blocked" }).click();
    const run = page.getByRole("button", { name: "17 stages pass it on (ls_in_pass_1 … ls_in_pass_17)" });
    await run.waitFor();
    const shown = page.locator(".layer-row:not(.run)");
    const nFolded = await shown.count();
    expect(nFolded).toBe(4);
    expect(await page.locator(".layer-row.run", { has: run }).textContent()).toContain("tables 9 … 25");
    await run.click();
    expect(await shown.count()).toBe(nFolded + 17);
    expect(await run.getAttribute("aria-expanded")).toBe("true");
    const row = page.locator(".layer-row:not(.run)", { hasText: "ls_in_pass_5" });
    expect(await row.textContent()).toContain("table 13");
    await run.press("Enter");
    expect(await shown.count()).toBe(nFolded);
  });

  test("all steps are shown and hidden by one switch, which holds for the next story too", async () => {
    server.answer = longStory;
    await page.getByRole("button", { name: "web1 → db1 tcp 5432: blocked" }).click();
    const all = page.getByRole("switch", { name: "Show all steps" });
    await all.press("Space");
    expect(await page.locator(".layer-row:not(.run)").count()).toBe(4 + 17 + 1 + 4);
    await page.getByRole("button", { name: "web2 → db1 tcp 5432: blocked" }).click();
    await expect.poll(() => server.questions).toHaveLength(2);
    await expect.poll(() => page.locator(".layer-row:not(.run)").count()).toBe(4 + 17 + 1 + 4);
    await page.getByRole("button", { name: /^4 stages/ }).click();
    expect(await page.locator(".layer-row:not(.run)").count()).toBe(4 + 17 + 1);
    await all.press("Space");
    expect(await page.locator(".layer-row:not(.run)").count()).toBe(4);
  });

  test("the matrix is one stop of the Tab key, and arrow keys lead through it", async () => {
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    expect(await page.locator('.matrix button[tabindex="0"]').count()).toBe(1);
    await page.locator('.matrix button[tabindex="0"]').focus();
    expect(await focused()).toBe("web1 → web2 ping: open");
    const way: [string, string][] = [
      ["ArrowRight", "web1 → web2 tcp 80: open"],
      ["ArrowDown", "app1 → web2 tcp 80: open"],
      ["ArrowLeft", "app1 → web2 ping: open"],
      ["End", "app1 → intruder tcp 80: blocked"],
      ["Home", "app1 → web1 ping: open"],
      ["ArrowUp", "web2 → web1 ping: open"],
      ["ArrowUp", "web2 → web1 ping: open"],
    ];
    for (const [key, expected] of way) {
      await page.keyboard.press(key);
      expect(await focused()).toBe(expected);
    }
    expect(await page.locator('.matrix button[tabindex="0"]').count()).toBe(1);
    await page.keyboard.press("Enter");
    await page.locator(".verdict").waitFor();
    expect(server.questions).toEqual(["web2 -> web1 icmp"]);
    expect(await page.locator(".matrix [aria-current]").getAttribute("aria-label")).toBe("web2 → web1 ping: open");
  });

  test("the form asks by keyboard alone, and its fields and its text agree", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("web2 -> app1 tcp 8080");
    expect(await page.getByRole("combobox", { name: "From", exact: true }).inputValue()).toBe("web2");
    expect(await page.getByRole("combobox", { name: "To", exact: true }).inputValue()).toBe("app1");
    await page.getByLabel("Protocol").selectOption("icmp");
    expect(await page.getByLabel("Or as text").inputValue()).toBe("web2 -> app1 icmp");
    await page.getByLabel("Or as text").press("Enter");
    await page.locator(".verdict.forwarded").waitFor();
    expect(server.questions).toEqual(["web2 -> app1 icmp"]);
    expect(await page.locator(".wire.on-path").count()).toBe(2);
  });

  test("a host's details open and close by keyboard", async () => {
    const host = page.getByRole("button", { name: /^Host app1/ });
    await host.focus();
    await page.keyboard.press("Enter");
    const details = page.getByRole("region", { name: "Host app1" });
    expect(await details.textContent()).toContain("three-tier-app1");
    await page.keyboard.press("Enter");
    expect(await details.count()).toBe(0);
  });

  test("a question without a story says why, and the one that was meant is a click away", async () => {
    const problem = [
      'question:1:1: No port or host is called "web9"',
      "  | web9 -> db1 tcp 5432",
      "  | ^",
      '  hint: did you mean "web1"?',
      "  code: WHY_QUESTION",
    ].join("\n");
    server.answer = (question) =>
      question.startsWith("web9") ? { ...droppedStory(question), error: problem } : droppedStory(question);
    await page.getByLabel("Or as text").fill("web9 -> db1 tcp 5432");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText('No port or host is called "web9"', { exact: true }).waitFor();
    await page.getByRole("button", { name: "Ask web1 -> db1 tcp 5432" }).click();
    await page.locator(".verdict.dropped").waitFor();
    expect(await page.getByLabel("Or as text").inputValue()).toBe("web1 -> db1 tcp 5432");
  });

  test.each([
    ["web1%20-%3E%20db1", "web1 -> db1"],
    ["100%", "100%"],
  ])("an address that ends in #why=%s asks at once, and so does another one put in its place", async (encoded, question) => {
    await page.goto(`${server.url}?again#why=${encoded}`);
    await page.locator(".verdict").waitFor();
    expect(server.questions).toEqual([question]);
    await page.evaluate(() => {
      window.location.hash = "#why=web2%20-%3E%20app1";
    });
    await expect.poll(() => server.questions).toEqual([question, "web2 -> app1"]);
  });

  test("what a violation marked is unmarked when the violation goes away under the pointer", async () => {
    await page.hover("#violations li");
    expect(await page.locator(".endpoint.marked").count()).toBe(1);
    server.push({ ...cloudFixture(), violations: [] });
    await page.getByText("The 2 policies in force hold.").waitFor();
    expect(await page.locator(".endpoint.marked").count()).toBe(0);
  });

  test("when only some violations are listed, no policy is said to have none", async () => {
    server.push({ ...cloudFixture(), nViolations: 41 });
    await page.getByText("at least 1 violation").waitFor();
    expect(await page.locator("#policies").textContent()).not.toContain("no violation");
  });

  test("a lost connection is told, and the page comes back by itself", async () => {
    await page.getByText("live", { exact: true }).waitFor();
    await server.stop();
    await page.getByText("Connection lost").waitFor();
    expect(await page.getByRole("button", { name: /^Host / }).count()).toBe(5);
    await server.start();
    await page.getByRole("button", { name: "Retry now" }).click();
    await page.getByText("live", { exact: true }).waitFor();
    expect(await page.getByText("Connection lost").count()).toBe(0);
  });

  test("an empty cloud says what to do", async () => {
    const empty = { switches: [], ports: [], hosts: [], acls: [], violations: [], policies: [], reachability: null };
    server.push({ ...cloudFixture(), ...empty });
    for (const text of ["The northbound database is empty", "No policy is loaded", "No hosts to measure", "No ACL"]) {
      await page.getByText(text).first().waitFor();
    }
  });

  test("before the first measurement the matrix says that it is under way", async () => {
    server.push({ ...cloudFixture(), reachability: null });
    await page.getByText("packets are on their way").waitFor();
  });

  test("a large cloud with many violations shows the first of them, all when asked, and stays within the page", async () => {
    server.push(largeCloud({ nSwitches: 10, nHosts: 60, nViolations: 200 }));
    await page.getByText("10 switches, 60 hosts").waitFor();
    expect(await page.title()).toBe("200 violations · large · Tenet");
    expect(await page.getByRole("button", { name: /^Host / }).count()).toBe(60);
    expect(await page.locator("#violations li").count()).toBe(8);
    await page.getByRole("button", { name: "Show 192 more" }).click();
    expect(await page.locator("#violations li").count()).toBe(200);
    await page.getByRole("button", { name: "Show the first 8" }).click();
    expect(await page.locator("#violations li").count()).toBe(8);
    for (const width of [1920, 1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
    }
    await page.getByRole("button", { name: "host-060 → host-050 ping: open" }).press("Enter");
    await page.locator(".verdict").waitFor();
    expect(server.questions).toEqual(["host-060 -> host-050 icmp"]);
  });

  test("a measurement that did not change leaves the matrix as it is, and where its focus was", async () => {
    const state = cloudFixture();
    server.push(state);
    const result = page.getByRole("button", { name: "app1 → web2 ping: open" });
    await result.focus();
    server.push({ ...state, name: "renamed" });
    await page.getByText("renamed").first().waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("app1 → web2 ping: open");
  });

  test.each([2000, 1440, 1100, 800, 390])("nothing sticks out of a window %i px wide", async (width) => {
    await page.setViewportSize({ width, height: 900 });
    await page.getByRole("button", { name: "web1 → db1 tcp 5432: blocked" }).click();
    await page.locator(".verdict").waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  });
});
