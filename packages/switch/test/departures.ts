/** What leaves according to a trace: ports, and the tags that the packet has there. */

/** Port names by datapath number, from what `dpif/show` prints. */
export function readPortNames(dpifShow: string): Map<string, string> {
  return new Map([...dpifShow.matchAll(/^ {4}(\S+) \d+\/(\d+):/gm)].map(([, name = "", number = ""]) => [number, name]));
}

/** Each output of the traced packet: port name and tags, outermost first; sorted. */
export function taggedDepartures(trace: string, tags: readonly string[], names: ReadonlyMap<string, string>): string[] {
  const text = /Datapath actions: (.*)/.exec(trace)?.[1];
  if (text === undefined) throw new Error(`no actions in ${trace}`);
  const stack = [...tags];
  const left: string[] = [];
  for (const action of text.match(/(?:[^,(]|\((?:[^()]|\([^()]*\))*\))+/g) ?? []) {
    const pushed = /^push_vlan\((.*)\)$/.exec(action)?.[1];
    if (action === "pop_vlan") stack.shift();
    else if (pushed !== undefined) stack.unshift(pushed);
    else if (action !== "drop") left.push(`${names.get(action) ?? action} [${stack.join(" ")}]`);
  }
  return left.sort();
}
