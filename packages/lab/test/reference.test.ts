import { readFileSync } from "node:fs";
import { readLabFile } from "@tenet/lab";
import { expect, test } from "vitest";
import { labFolder } from "./support/lab-folder.ts";

test("the lab in the reference is read as it says", () => {
  const text = readFileSync(new URL("../../../docs/reference/lab-file.md", import.meta.url), "utf8");
  const [lab = "", northbound = ""] = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block ?? "");
  const read = readLabFile(labFolder({ "lab.yaml": lab, "northbound.yaml": northbound, "policies/none.dl": "" }));
  expect(read.hosts.map(({ name, port, listen }) => [name, port, listen])).toEqual([
    ["server", "lsp-server", [80, 443]],
    ["client", "client", []],
  ]);
  expect(read.northbound?.rows.map(({ table, name }) => `${table} ${name}`)).toEqual([
    "Logical_Switch lan",
    "Port_Group servers",
  ]);
  expect(read.expectations).toHaveLength(3);
});
