/**
 * The controller without its sockets: rows of the southbound and Open_vSwitch databases in, flows and work out.
 *
 * The rules in `rules/controller.dl` do the thinking; this class feeds them, keeps the flow table they describe, and
 * gives the work they ask for (claims, releases, marks) as plain lists, so that tests need no daemon.
 */
import { type Change, compile, Engine, type Program, type RelationDecl, type Tuple } from "@tenet/datalog";
import type { FlowSpec } from "@tenet/openflow";
import { OPEN_VSWITCH, OVN_SOUTHBOUND, relationsOf } from "@tenet/ovsdb";
import { readRules } from "../read-rules.ts";
import { controllerFunctions } from "./functions.ts";
import { type FlowChanges, FlowTable } from "./flow-table.ts";

/** Who the controller is, and which bridge it fills. */
export interface ControllerIdentity {
  readonly systemId: string;
  readonly bridge: string;
}

const PROBLEM_KINDS = ["match", "actions", "port security", "port"] as const;

/** A southbound row that does not do what it says. */
export interface Problem {
  /** UUID of the logical flow or port binding. */
  readonly row: string;
  readonly what: (typeof PROBLEM_KINDS)[number];
  readonly why: string;
}

/** What remains to be written into the databases; UUIDs of port bindings and interfaces. */
export interface PendingWrites {
  readonly claim: readonly string[];
  readonly release: readonly string[];
  readonly reportUp: readonly string[];
  readonly markInstalled: readonly string[];
  readonly unmark: readonly string[];
  /** Ports with the connection tracking zone that they have now. */
  readonly noteZones: readonly { readonly port: string; readonly zone: number }[];
  /** Ports that have no zone any more. */
  readonly forgetZones: readonly string[];
  readonly openTunnels: readonly FarEnd[];
  /** UUIDs of rows of table Port. */
  readonly closeTunnels: readonly string[];
}

/** Where a tunnel leads. */
export interface FarEnd {
  /** Name of the chassis. */
  readonly chassis: string;
  readonly ip: string;
  /** Whether outer headers have checksums: `true` or `false`. */
  readonly csum: string;
}

/** What a batch of changes led to. */
export interface ControllerDelta extends FlowChanges {
  readonly problemsFound: readonly Problem[];
  readonly problemsGone: readonly Problem[];
}

/** Southbound and Open_vSwitch rows to OpenFlow flows, incrementally. */
export class Controller {
  /** The rules' engine: for what-if, explain and queries. */
  readonly engine: Engine;
  readonly #inputs: ReadonlySet<string>;
  readonly #table = new FlowTable();

  /** @throws AppError when the rules do not compile */
  constructor(identity: ControllerIdentity) {
    const program = compileController();
    this.engine = new Engine(program);
    this.#inputs = new Set(this.engine.relations().flatMap(({ name, kind }) => (kind === "input" ? [name] : [])));
    this.engine.transact([{ relation: "self", tuple: [identity.systemId, identity.bridge], weight: 1 }]);
    this.#table.apply(this.engine.rows("flow"), []);
  }

  /**
   * Takes changes of the databases, as `changesOf` makes them with the prefixes "sb" and "vswitch".
   * Relations that the rules do not read are passed over. Cost follows the change, not the network.
   */
  apply(changes: readonly Change[]): ControllerDelta {
    const delta = this.engine.transact(changes.filter(({ relation }) => this.#inputs.has(relation)));
    const flows = delta.get("flow");
    const problems = delta.get("problem");
    return {
      ...this.#table.apply(flows?.inserted ?? [], flows?.deleted ?? []),
      problemsFound: (problems?.inserted ?? []).map(problemOf),
      problemsGone: (problems?.deleted ?? []).map(problemOf),
    };
  }

  /** Every flow that should be installed. */
  flows(): FlowSpec[] {
    return this.#table.flows();
  }

  /** Everything that is wrong at the moment. */
  problems(): Problem[] {
    return this.engine.rows("problem").map(problemOf);
  }

  /** What remains to be written at the moment. */
  pendingWrites(): PendingWrites {
    const column = (relation: string): string[] => this.engine.rows(relation).map(([uuid]) => String(uuid));
    return {
      claim: column("to_claim"),
      release: column("to_release"),
      reportUp: column("to_report_up"),
      markInstalled: column("to_mark_installed"),
      unmark: column("to_unmark"),
      noteZones: this.engine.rows("to_note_zone").map(([port, zone]) => ({ port: String(port), zone: Number(zone) })),
      forgetZones: column("to_forget_zone"),
      openTunnels: this.engine
        .rows("to_open_tunnel")
        .map(([chassis, ip, csum]) => ({ chassis: String(chassis), ip: String(ip), csum: String(csum) })),
      closeTunnels: column("to_close_tunnel"),
    };
  }
}

function compileController(): Program {
  const relations: RelationDecl[] = [...relationsOf(OVN_SOUTHBOUND, "sb"), ...relationsOf(OPEN_VSWITCH, "vswitch")];
  return compile([readRules("controller.dl")], { relations, functions: controllerFunctions() });
}

function problemOf([row, what, why]: Tuple): Problem {
  const kind = PROBLEM_KINDS.find((each) => each === what) ?? "actions";
  return { row: String(row), what: kind, why: String(why) };
}
