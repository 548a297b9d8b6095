/**
 * Takes the pictures of the README anew: what `tenet up` and `tenet why` print, and the console.
 *
 * Needs root (for namespaces), the project built, and Chromium. Usage: node scripts/pictures.mjs
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FOLDER = "docs/pictures";
const QUESTION = "web1 -> db1 tcp 5432";
const SGR = new RegExp(`${String.fromCharCode(27)}\\[([\\d;]*)m`);
const COLORS = {
  1: "font-weight:600",
  2: "color:#8b949e",
  31: "color:#ff7b72",
  32: "color:#56d364",
  33: "color:#e3b341",
  36: "color:#79c0ff",
};

const home = mkdtempSync(join(tmpdir(), "tenet-"));
const env = { ...process.env, TENET_HOME: home, FORCE_COLOR: "1" };
const tenet = spawn(process.execPath, ["packages/cli/bin/tenet.js", "up", "examples/three-tier"], { env });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  const summary = (await untilReady(tenet)).replaceAll(home, ".tenet");
  const story = spawnSync(process.execPath, ["packages/cli/bin/tenet.js", "why", QUESTION], { env, encoding: "utf8" }).stdout;
  await takeTerminal("npm start", summary, "up.png");
  await takeTerminal(`npx tenet why "${QUESTION}"`, story, "why.png");
  await takeConsole(/console .*?(http:[\d./:]+)/.exec(summary)?.[1] ?? "");
} finally {
  await browser.close();
  tenet.kill("SIGTERM");
  await new Promise((resolve) => tenet.once("exit", resolve));
  rmSync(home, { recursive: true });
}

function untilReady(child) {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (/TRY NEXT[^]*\n$/.test(text)) resolve(text);
    });
    child.stderr.on("data", (chunk) => (text += chunk));
    child.once("exit", () => reject(new Error(text)));
  });
}

async function takeTerminal(command, text, file) {
  const page = await browser.newPage({ viewport: { width: 1000, height: 200 }, deviceScaleFactor: 1.5 });
  const style =
    "margin:0;padding:18px 22px;background:#0d1117;color:#e6edf3;font:13px/1.45 'DejaVu Sans Mono',monospace;display:inline-block";
  await page.setContent(
    `<body style="margin:0;background:#0d1117"><pre style="${style}"><b>$ ${escape(command)}</b>\n${toHtml(text.trimEnd())}</pre>`,
  );
  await page.locator("pre").screenshot({ path: join(FOLDER, file) });
  await page.close();
}

async function takeConsole(url) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  await page.goto(url);
  await page.getByText("holds personal data").first().waitFor();
  await page.getByRole("textbox").first().fill(QUESTION);
  await page.keyboard.press("Enter");
  await page.getByText("cannot reach db1").first().waitFor();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(FOLDER, "console.png") });
  await page.close();
}

/** SGR sequences to spans. */
function toHtml(text) {
  let styles = [];
  return text
    .split(SGR)
    .map((part, i) => {
      if (i % 2 === 0) return `<span style="${styles.map((code) => COLORS[code] ?? "").join(";")}">${escape(part)}</span>`;
      const codes = part.split(";").map(Number);
      styles = codes.includes(0) || part === "" ? [] : codes.some((code) => [22, 39].includes(code)) ? [] : [...styles, ...codes];
      return "";
    })
    .join("");
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
