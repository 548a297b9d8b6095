/**
 * The meters of one bridge and what meter-mods do to them.
 *
 * A meter lives in the datapath under a number of the datapath's own; this table knows which. Meters are not part of
 * bundles, so a change is not undone.
 *
 * @see OpenFlow 1.5.1, sections 6.8 and 7.3.4.5
 */
import type { Datapath, MeterConfig } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { METER, METER_FLAG, type MeterMod, type MeterSpec } from "@tenet/openflow";
import { RefusedError } from "../table/refused-error.ts";

/** Where meters run. */
export type MeterHost = Pick<Datapath, "addMeter" | "setMeter" | "removeMeter" | "meterStats">;

/** A meter of the bridge. */
export interface BridgeMeter {
  readonly spec: MeterSpec;
  readonly datapathMeter: number;
  /** Monotonic ms; a change of the meter keeps it. */
  readonly createdMs: number;
}

/** Numbers of the meters that came and went. */
export interface MeterChangeOutcome {
  readonly added: readonly number[];
  readonly deleted: readonly number[];
}

/** Most bands of a meter. */
export const MAX_BANDS = 8;

/** Meters by number. */
export class MeterTable {
  readonly #clock: Clock;
  readonly #host: MeterHost;
  readonly #meterById = new Map<number, BridgeMeter>();

  constructor(clock: Clock, host: MeterHost) {
    this.#clock = clock;
    this.#host = host;
  }

  get(id: number): BridgeMeter | undefined {
    return this.#meterById.get(id);
  }

  /** One meter, or with {@link METER}.ALL every meter by number. @throws RefusedError when there is none of this number */
  select(id: number): BridgeMeter[] {
    if (id === METER.ALL) return [...this.#meterById.values()].sort((a, b) => a.spec.id - b.spec.id);
    return [this.#existing(id)];
  }

  /** The numbers of the meters that a deletion is about. */
  numbersOf(id: number): number[] {
    if (id === METER.ALL) return [...this.#meterById.keys()];
    return this.#meterById.has(id) ? [id] : [];
  }

  /** What the datapath counted. */
  statsOf({ datapathMeter }: BridgeMeter): ReturnType<MeterHost["meterStats"]> {
    return this.#host.meterStats(datapathMeter);
  }

  /** Carries out a meter-mod. @throws RefusedError, and then nothing has changed */
  apply({ command, meter }: MeterMod): MeterChangeOutcome {
    const { id } = meter;
    switch (command) {
      case "add": {
        if (this.#meterById.has(id)) throw new RefusedError("OFPMMFC_METER_EXISTS", `there is a meter ${id}`);
        const config = configOf(meter);
        this.#put(meter, this.#host.addMeter(config), this.#clock.monotonicMs());
        return { added: [id], deleted: [] };
      }
      case "modify": {
        const { datapathMeter, createdMs } = this.#existing(id);
        this.#host.setMeter(datapathMeter, configOf(meter));
        this.#put(meter, datapathMeter, createdMs);
        return { added: [], deleted: [] };
      }
      case "delete": {
        const deleted = this.numbersOf(id);
        for (const each of deleted) this.#delete(each);
        return { added: [], deleted };
      }
    }
  }

  #existing(id: number): BridgeMeter {
    const meter = this.#meterById.get(id);
    if (meter === undefined) throw new RefusedError("OFPMMFC_UNKNOWN_METER", `there is no meter ${id}`);
    return meter;
  }

  #put(spec: MeterSpec, datapathMeter: number, createdMs: number): void {
    this.#meterById.set(spec.id, { spec, datapathMeter, createdMs });
  }

  #delete(id: number): void {
    const meter = this.#existing(id);
    this.#meterById.delete(id);
    this.#host.removeMeter(meter.datapathMeter);
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
