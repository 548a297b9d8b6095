/**
 * The meters of one bridge and what meter-mods do to them.
 *
 * A meter lives in the datapath under a number of the datapath's own; this table knows which. Meters are not part of
 * bundles, so a change is not undone; but it can be hidden until the rules that go with a meter have gone, too.
 *
 * @see OpenFlow 1.5.1, sections 6.8 and 7.3.4.5
 */
import type { Datapath, MeterConfig } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { METER, METER_FLAG, type MeterMod, type MeterSpec } from "@tenet/openflow";
import { StagedMap } from "../staged-map.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { Work } from "../turns.ts";

/** Where meters run. */
export type MeterHost = Pick<Datapath, "addMeter" | "setMeter" | "removeMeter" | "meterStats">;

/** A meter of the bridge. */
export interface BridgeMeter {
  readonly spec: MeterSpec;
  readonly datapathMeter: number;
  /** Monotonic ms; a change of the meter keeps it. */
  readonly createdMs: number;
}

/** Where meters of a bridge run that has gone. */
const NOWHERE: MeterHost = {
  addMeter: () => 0,
  setMeter: () => undefined,
  removeMeter: () => undefined,
  meterStats: () => undefined,
};

/** Most bands of a meter. */
export const MAX_BANDS = 8;

/** Meters by number. */
export class MeterTable {
  readonly #clock: Clock;
  #host: MeterHost;
  readonly #meterById = new StagedMap<BridgeMeter>();
  /** The datapath's meters of those that went since {@link stage}. */
  #left: number[] = [];

  constructor(clock: Clock, host: MeterHost) {
    this.#clock = clock;
    this.#host = host;
  }

  /** The meter as packets see it. */
  get(id: number): BridgeMeter | undefined {
    return this.#meterById.get(id);
  }

  /** Whether a meter is there after all changes so far. */
  has(id: number): boolean {
    return this.#meterById.latest(id) !== undefined;
  }

  /**
   * One meter, or with {@link METER}.ALL every meter by number, those that are there when their turn comes.
   *
   * @throws RefusedError when there is none of this number
   */
  select(id: number): Iterable<BridgeMeter> {
    return id === METER.ALL ? this.#meterById.values() : [this.#existing(id)];
  }

  /** The numbers of the meters that a deletion is about, in their order. */
  numbersOf(id: number): Iterable<number> {
    if (id === METER.ALL) return this.#meterById.numbers();
    return this.has(id) ? [id] : [];
  }

  /** Hides from packets what changes from now on. */
  stage(): void {
    this.#meterById.stage();
  }

  /** Shows packets what changed since {@link stage}, at once. */
  publish(): void {
    this.#meterById.publish();
  }

  /** Ends what {@link stage} began; the datapath is told of meters that went. */
  *clean(): Work {
    yield* this.#meterById.clean();
    const left = this.#left;
    this.#left = [];
    for (const meter of left) {
      this.#host.removeMeter(meter);
      yield;
    }
  }

  /** What the datapath counted. */
  statsOf({ datapathMeter }: BridgeMeter): ReturnType<MeterHost["meterStats"]> {
    return this.#host.meterStats(datapathMeter);
  }

  /** Carries out a meter-mod about one meter; {@link clean} is to follow. @throws RefusedError, and then nothing has changed */
  apply({ command, meter }: MeterMod): void {
    const { id } = meter;
    switch (command) {
      case "add": {
        if (this.has(id)) throw new RefusedError("OFPMMFC_METER_EXISTS", `there is a meter ${id}`);
        const config = configOf(meter);
        return this.#put(meter, this.#host.addMeter(config), this.#clock.monotonicMs());
      }
      case "modify": {
        const { datapathMeter, createdMs } = this.#existing(id);
        this.#host.setMeter(datapathMeter, configOf(meter));
        return this.#put(meter, datapathMeter, createdMs);
      }
      case "delete":
        this.#left.push(this.#existing(id).datapathMeter);
        this.#meterById.set(id, undefined);
    }
  }

  /** Gives all meters back to the datapath: the bridge goes. What is still to be done to its meters is nothing to the datapath. */
  release(): void {
    for (const { datapathMeter } of this.#meterById.values()) this.#host.removeMeter(datapathMeter);
    for (const meter of this.#left) this.#host.removeMeter(meter);
    this.#host = NOWHERE;
  }

  #existing(id: number): BridgeMeter {
    const meter = this.#meterById.latest(id);
    if (meter === undefined) throw new RefusedError("OFPMMFC_UNKNOWN_METER", `there is no meter ${id}`);
    return meter;
  }

  #put(spec: MeterSpec, datapathMeter: number, createdMs: number): void {
    this.#meterById.set(spec.id, { spec, datapathMeter, createdMs });
  }
}

function configOf({ flags, bands }: MeterSpec): MeterConfig {
  if (bands.length > MAX_BANDS) throw new RefusedError("OFPMMFC_OUT_OF_BANDS", `a meter has at most ${MAX_BANDS} bands`);
  const hasBurst = (flags & METER_FLAG.BURST) !== 0;
  return {
    unit: (flags & METER_FLAG.PKTPS) === 0 ? "kbps" : "pktps",
    bands: bands.map(({ bandType, rate, burst, precedence }) => ({
      kind: bandType,
      rate,
      burst: hasBurst ? burst : 0,
      precedence,
    })),
  };
}
