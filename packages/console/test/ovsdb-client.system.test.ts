/** The OVSDB client in a page: it is bundled as the console is, asks nothing of node, and works in Chromium. */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { acceptWebSocket, Database, OVN_NORTHBOUND, OvsdbServer } from "@tenet/ovsdb";
import { chromium } from "playwright-core";
import { build, type Rollup } from "vite";
import { describe, expect, test } from "vitest";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) console.log(`console: skipped, no Chromium at ${CHROMIUM} (set CHROMIUM to its path)`);

/** Bundles the client as one script that leaves it in `globalThis.ovsdb`. */
async function bundle(): Promise<{ code: string; modules: readonly string[] }> {
  const modules: string[] = [];
  const output = (await build({
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["source", "browser", "module", "import"] },
    plugins: [{ name: "note", moduleParsed: ({ id }) => void modules.push(id) }],
    build: {
      write: false,
      target: "es2022",
      lib: { entry: new URL("../../ovsdb/src/browser.ts", import.meta.url).pathname, formats: ["iife"], name: "ovsdb" },
    },
  })) as Rollup.RollupOutput[];
  const code = output
    .flatMap(({ output: chunks }) => chunks.flatMap((chunk) => (chunk.type === "chunk" ? [chunk.code] : [])))
    .join("");
  return { code, modules };
}

test("no module of the client for browsers asks for anything of node or of another package than the kit", async () => {
  const { code, modules } = await bundle();
  expect(modules.filter((id) => !/\/packages\/(ovsdb|kit)\/src\/[a-z/-]+\.ts$/.test(id))).toEqual([]);
  expect(modules.some((id) => id.endsWith("/client/replica.ts"))).toBe(true);
  expect(modules.filter((id) => /\/(server|storage|engine)\//.test(id))).toEqual([]);
  expect(code).not.toMatch(/\bnode:|\bBuffer\b|__vite-browser-external|\brequire\(/);
});

/** What the page finds in `globalThis`. */
interface PageGlobal {
  ovsdb: typeof import("@tenet/ovsdb/browser");
  heard: number[];
}

describe.skipIf(!hasChromium)("in Chromium", () => {
  test("a page follows a database, looks rows up by an index, writes, and is told of changes", async () => {
    await using scope = new Scope();
    const database = scope.use(Database.inMemory({ schema: OVN_NORTHBOUND }));
    const server = scope.use(new OvsdbServer([database], silentLogger));
    const insert = (name: string): Json => ({ op: "insert", table: "Logical_Switch", row: { name } });
    await database.transact([insert("sw0"), insert("sw1")], { remote: "test" });
    const http = createServer((_request, reply) => reply.setHeader("content-type", "text/html").end("<!doctype html>"));
    http.on("upgrade", (request, socket, head) => server.serve(acceptWebSocket(request, socket, head), { remote: "ws:page" }));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    scope.defer(() => void http.close());
    const { port } = http.address() as AddressInfo;
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
    scope.defer(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    const { code } = await bundle();
    await page.addScriptTag({ content: code });
    const seen = await page.evaluate(async () => {
      const global = globalThis as unknown as PageGlobal;
      const signal = new AbortController().signal;
      const nb = await global.ovsdb.connect(`ws://${location.host}/`, "OVN_Northbound", { tables: ["Logical_Switch"] }, signal);
      const byName = nb.index("Logical_Switch", ["name"]);
      global.heard = [];
      nb.onChange(() => void global.heard.push(nb.table("Logical_Switch").size));
      const transaction = nb.transaction();
      const made = transaction.insert("Logical_Switch", { name: "by page", external_ids: { from: "chromium" } });
      const committed = await transaction.commit();
      return { found: byName.get("sw1").length, made: byName.first("by page")?._uuid === committed.uuidOf(made) };
    });
    expect(seen).toEqual({ found: 1, made: true });
    await database.transact([insert("sw2")], { remote: "test" });
    await page.waitForFunction(() => (globalThis as unknown as PageGlobal).heard.at(-1) === 4);
    expect(await page.evaluate(() => (globalThis as unknown as PageGlobal).heard)).toEqual([3, 4]);
  });
});
