/** The built page in a real browser, against a server under the test's control. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FakeServer } from "./fake-server.ts";
import { cloudFixture, droppedStory, forwardedStory } from "./fixture.ts";

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
    await build({ root, logLevel: "error", build: { outDir: folder, emptyOutDir: true } });
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
    await page.getByRole("button", { name: "web1 -> db1 tcp 5432: does not pass" }).click();
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

  test("a question without a story says why", async () => {
    server.answer = (question) => ({ ...droppedStory(question), error: 'Unknown host "web9": did you mean "web1"?' });
    await page.getByLabel("Or as text").fill("web9 -> db1 tcp 5432");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText('did you mean "web1"?').waitFor();
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
    for (const text of ["The northbound database is empty", "No policy is loaded", "packets are on their way", "No ACL"]) {
      await page.getByText(text).first().waitFor();
    }
  });

  test.each([1400, 800, 390])("nothing sticks out of a window %i px wide", async (width) => {
    await page.setViewportSize({ width, height: 900 });
    await page.getByRole("button", { name: "web1 -> db1 tcp 5432: does not pass" }).click();
    await page.locator(".verdict").waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  });
});
