/** `multipath`, `bundle`, `bundle_load` and `sample` in the syntax of ovs-ofctl. */
import {
  BUNDLE_ALGORITHMS,
  type BundleAction,
  HASH_FIELDS,
  LINK_ALGORITHMS,
  type MultipathAction,
  type SampleAction,
} from "../action.ts";
import { parseInteger } from "./integer.ts";
import { type KeyValue, keyValues } from "./key-values.ts";
import { parseTarget } from "./learn-text.ts";
import { formatPort, type PortNames, parsePort } from "./port-name.ts";
import type { Span } from "./span.ts";
import { formatSubField, widthOf } from "./sub-field.ts";

const MAX_LINKS = 65_536;
const MULTIPATH_SYNTAX = "multipath(FIELDS,BASIS,ALGORITHM,N_LINKS,ARGUMENT,FIELD[FIRST..LAST])";

/** Reads `multipath`. @throws SourceError */
export function parseMultipath({ value, item }: KeyValue): MultipathAction {
  const [fields, basis, algorithm, links, argument, target, ...more] = listOf(value);
  if (links === undefined || target === undefined || more.length > 0) {
    throw item.fail("multipath takes six arguments", { expected: MULTIPATH_SYNTAX });
  }
  const nLinks = parseInteger(links, "a number of links", MAX_LINKS);
  if (nLinks < 1) throw links.fail("multipath needs a link", { expected: `1 to ${MAX_LINKS}` });
  const part = parseTarget(target);
  if (widthOf(part) < 16 && nLinks > 1 << part.nBits) throw target.fail(`${part.nBits} bits do not tell ${nLinks} links apart`);
  return {
    type: "multipath",
    fields: oneOf(fields, HASH_FIELDS, "fields to hash"),
    basis: parseInteger(basis ?? item, "a basis", 0xffff),
    algorithm: oneOf(algorithm, LINK_ALGORITHMS, "algorithm"),
    nLinks,
    argument: parseInteger(argument ?? item, "an argument", 0xffff_ffff),
    target: part,
  };
}

/** Writes `multipath`. */
export function formatMultipath(action: MultipathAction): string {
  const { fields, basis, algorithm, nLinks, argument, target } = action;
  return `multipath(${[fields, basis, algorithm, nLinks, argument, formatSubField(target)].join(",")})`;
}

/** Reads `bundle`, or `bundle_load` when it names a field. @throws SourceError */
export function parseBundle({ key, value, item }: KeyValue, names: PortNames): BundleAction {
  const isLoad = key.text === "bundle_load";
  const syntax = `${key.text}(FIELDS,BASIS,ALGORITHM,ofport,${isLoad ? "FIELD[]," : ""}members:PORT,...)`;
  const [fields, basis, algorithm, kind, ...rest] = listOf(value);
  if (kind?.text !== "ofport") throw (kind ?? item).fail("Members are ports", { expected: syntax });
  const targetSpan = isLoad ? rest.shift() : undefined;
  const [first, ...others] = rest;
  const firstPort = /^(?:members|slaves):/.exec(first?.text ?? "")?.[0];
  if (first === undefined || firstPort === undefined) throw (first ?? item).fail("The members are missing", { expected: syntax });
  const ports = [first.slice(firstPort.length), ...others].filter(({ text }) => text !== "");
  const target = targetSpan === undefined ? undefined : parseTarget(targetSpan);
  if (target !== undefined && widthOf(target) < 16) throw item.fail("A port number has 16 bits", { expected: syntax });
  return {
    type: "bundle",
    fields: oneOf(fields, HASH_FIELDS, "fields to hash"),
    basis: parseInteger(basis ?? item, "a basis", 0xffff),
    algorithm: oneOf(algorithm, BUNDLE_ALGORITHMS, "algorithm"),
    members: ports.map((port) => parsePort(port, names)),
    ...(target === undefined ? {} : { target }),
  };
}

/** Writes `bundle` or `bundle_load`. */
export function formatBundle({ fields, basis, algorithm, members, target }: BundleAction, names: PortNames): string {
  const ports = members.map((member) => formatPort(member, names)).join(",");
  const start = [fields, basis, algorithm, "ofport", ...(target === undefined ? [] : [formatSubField(target)])];
  return `${target === undefined ? "bundle" : "bundle_load"}(${start.join(",")},members:${ports})`;
}

/** Reads `sample`. @throws SourceError */
export function parseSample({ value, item }: KeyValue, names: PortNames): SampleAction {
  const numbers = { probability: 0, collectorSet: 0, observationDomain: 0, observationPoint: 0 };
  let samplingPort: number | undefined;
  let direction: SampleAction["direction"];
  for (const part of keyValues(value)) {
    const word = part.key.text;
    if (word === "probability") numbers.probability = parseInteger(part.value, "a probability", 0xffff);
    else if (word === "collector_set_id") numbers.collectorSet = parseInteger(part.value, "a collector set", 0xffff_ffff);
    else if (word === "obs_domain_id") numbers.observationDomain = parseInteger(part.value, "a domain", 0xffff_ffff);
    else if (word === "obs_point_id") numbers.observationPoint = parseInteger(part.value, "a point", 0xffff_ffff);
    else if (word === "sampling_port") samplingPort = parsePort(part.value, names);
    else if (word === "ingress" || word === "egress") direction = word;
    else throw part.key.failUnknown("part of sample", SAMPLE_PARTS);
  }
  if (numbers.probability === 0) throw item.fail("A sample needs a probability", { expected: "probability=1 to 65535" });
  return {
    type: "sample",
    ...numbers,
    ...(samplingPort === undefined ? {} : { samplingPort }),
    ...(direction === undefined ? {} : { direction }),
  };
}

const SAMPLE_PARTS = [
  "probability",
  "collector_set_id",
  "obs_domain_id",
  "obs_point_id",
  "sampling_port",
  "ingress",
  "egress",
] as const;

/** Writes `sample`. */
export function formatSample(action: SampleAction, names: PortNames): string {
  const { samplingPort, direction } = action;
  const parts = [
    `probability=${action.probability}`,
    `collector_set_id=${action.collectorSet}`,
    `obs_domain_id=${action.observationDomain}`,
    `obs_point_id=${action.observationPoint}`,
  ];
  if (samplingPort !== undefined) parts.push(`sampling_port=${formatPort(samplingPort, names)}`);
  if (direction !== undefined) parts.push(direction);
  return `sample(${parts.join(",")})`;
}

/** Arguments parted by commas or blanks. */
function listOf(span: Span): Span[] {
  return [...span.text.matchAll(/[^,\s]+/g)].map((found) => span.slice(found.index, found.index + found[0].length));
}

function oneOf<T extends string>(span: Span | undefined, names: readonly T[], kind: string): T {
  const found = names.find((name) => name === span?.text);
  if (found === undefined) throw span?.failUnknown(kind, names) ?? new RangeError(`no ${kind}`);
  return found;
}
