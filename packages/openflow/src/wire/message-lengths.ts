/** Lengths that requests may have: a message that is shorter, longer or uneven is refused whole, before it is read. */
import type { MultipartKind } from "./multipart-head.ts";
import type { TypeName } from "./message-numbers.ts";
import { OpenFlowError } from "./openflow-error.ts";

/** Bytes with the header, and how many may be added: any multiple of `step`, none when it is 0. */
type Rule = readonly [size: number, step: number];

/** Rules for OpenFlow 1.0, 1.1 to 1.3, and 1.4 and later; what is left out is as before, a dash may have any length. */
const MESSAGES: Partial<Record<TypeName, string>> = {
  featuresRequest: "8",
  getConfigRequest: "8",
  setConfig: "12",
  flowMod: "72+8 48+8",
  groupMod: "- 16+8",
  portMod: "32 40 32+8",
  tableMod: "- 16 16+8",
  meterMod: "- 16+8",
  barrierRequest: "8",
  roleRequest: "- 24",
  getAsyncRequest: "- 8",
  setAsync: "- 32 8+8",
  queueConfigRequest: "12 16",
  bundleControl: "- - 16+8",
};

/** The same for multipart requests, and for OpenFlow 1.5. */
const REQUESTS: Record<MultipartKind, string> = {
  desc: "12 16",
  flow: "56 48+8",
  aggregate: "56 48+8",
  table: "12 16",
  port: "20 24",
  queue: "20 24",
  group: "- 24",
  groupDesc: "- 16 16 24",
  groupFeatures: "- 16",
  meter: "- 24",
  meterDesc: "- 24",
  meterFeatures: "- 16",
  tableFeatures: "- 16+8",
  portDesc: "12 16 16 24",
  tableDesc: "- - 16",
  queueDesc: "- - 24",
  flowMonitor: "- - 16+8",
};

/** Which column is for a version, by its wire number. */
const COLUMNS = [undefined, 0, 1, 1, 1, 2, 3] as const;
const messageRules = rulesOf(MESSAGES);
const requestRules = rulesOf(REQUESTS);

/** Refuses a message of a length that its type cannot have. @throws OpenFlowError */
export function checkMessageLength(name: TypeName, version: number, length: number): void {
  check(messageRules.get(name), version, length, name);
}

/** Refuses a multipart request of a length that its kind cannot have. @throws OpenFlowError */
export function checkRequestLength(kind: MultipartKind, version: number, length: number): void {
  check(requestRules.get(kind), version, length, kind);
}

function check(rules: readonly (Rule | undefined)[] | undefined, version: number, length: number, what: string): void {
  const rule = rules?.[version];
  if (rule === undefined) return;
  const [size, step] = rule;
  if (length === size || (step > 0 && length > size && (length - size) % step === 0)) return;
  throw new OpenFlowError("OFPBRC_BAD_LEN", `A message "${what}" cannot have ${length} bytes`, { details: { at: 2 } });
}

/** Rules of each name by version. */
function rulesOf(table: Readonly<Partial<Record<string, string>>>): Map<string, (Rule | undefined)[]> {
  return new Map(
    Object.entries(table).map(([name, text = ""]) => {
      const columns = text.split(" ");
      return [name, COLUMNS.map((i) => (i === undefined ? undefined : ruleOf(columns[Math.min(i, columns.length - 1)] ?? "-")))];
    }),
  );
}

function ruleOf(text: string): Rule | undefined {
  if (text === "-") return undefined;
  const [size = 0, step = 0] = text.split("+").map(Number);
  return [size, step];
}
