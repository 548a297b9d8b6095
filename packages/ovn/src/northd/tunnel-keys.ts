/**
 * Tunnel keys of datapaths and ports: what the rules ask for is answered, what they give up is freed.
 *
 * Keys already in the southbound database are adopted first, so that a restart changes none.
 */
import type { Change, Delta, Tuple } from "@tenet/datalog";
import { KeyAllocator } from "./key-allocator.ts";

/** The upper 65535 keys are for transit switches that several deployments share. */
const MAX_DATAPATH_KEY = 2 ** 24 - 1 - 65535;
const MAX_PORT_KEY = 32767;

/** Gives keys to switches, unique among them, and to ports, unique within their switch. */
export class TunnelKeys {
  readonly #datapaths = new KeyAllocator(1, MAX_DATAPATH_KEY);
  readonly #portsBySwitch = new Map<string, KeyAllocator>();
  /** The tuple of `northd:datapath_key` or `northd:port_key` that each owner has now. */
  readonly #given = new Map<string, Tuple>();

  /** Records the key of a switch that exists already. */
  adoptSwitch(uuid: string, key: number): void {
    this.#datapaths.adopt(uuid, key);
  }

  /** Records the key of a port, by name, that exists already. */
  adoptPort(switchUuid: string, name: string, key: number): void {
    this.#portsOf(switchUuid).adopt(name, key);
  }

  /** The changes of the key relations that answer what a delta asks for. */
  changesFor(delta: Delta): Change[] {
    const ports = this.#answer(delta, "northd:wants_port_key", "northd:port_key", ([, ls, name]) => ({
      allocator: this.#portsOf(String(ls)),
      owner: String(name),
    }));
    const datapaths = this.#answer(delta, "northd:wants_datapath_key", "northd:datapath_key", ([ls]) => ({
      allocator: this.#datapaths,
      owner: String(ls),
    }));
    for (const [ls] of delta.get("northd:wants_datapath_key")?.deleted ?? []) this.#forget(String(ls));
    return [...datapaths, ...ports];
  }

  #answer(
    delta: Delta,
    wants: string,
    gives: string,
    placeOf: (tuple: Tuple) => { allocator: KeyAllocator; owner: string },
  ): Change[] {
    const { inserted = [], deleted = [] } = delta.get(wants) ?? {};
    const stays = new Set(inserted.map((tuple) => placeName(tuple)));
    const changes: Change[] = [];
    for (const tuple of deleted) {
      const { allocator, owner } = placeOf(tuple);
      if (!stays.has(placeName(tuple))) allocator.release(owner);
      const given = this.#given.get(`${gives} ${String(tuple[0])}`);
      if (given !== undefined) changes.push({ relation: gives, tuple: given, weight: -1 });
      this.#given.delete(`${gives} ${String(tuple[0])}`);
    }
    for (const tuple of [...inserted].sort(wishesFirst)) {
      const { allocator, owner } = placeOf(tuple);
      const wish = tuple.at(-1);
      const key = allocator.allocate(owner, typeof wish === "number" ? wish : undefined);
      if (key === undefined) continue;
      const given: Tuple = [tuple[0] ?? null, key];
      this.#given.set(`${gives} ${String(tuple[0])}`, given);
      changes.push({ relation: gives, tuple: given, weight: 1 });
    }
    return changes;
  }

  /** A switch that is gone has no ports to remember keys of. */
  #forget(switchUuid: string): void {
    if (!this.#given.has(`northd:datapath_key ${switchUuid}`)) this.#portsBySwitch.delete(switchUuid);
  }

  #portsOf(switchUuid: string): KeyAllocator {
    const allocator = this.#portsBySwitch.get(switchUuid) ?? new KeyAllocator(1, MAX_PORT_KEY);
    this.#portsBySwitch.set(switchUuid, allocator);
    return allocator;
  }
}

/** All of a request but its wish: who asks. */
function placeName(request: Tuple): string {
  return JSON.stringify(request.slice(0, -1));
}

function wishesFirst(a: Tuple, b: Tuple): number {
  return Number(a.at(-1) === null) - Number(b.at(-1) === null);
}
