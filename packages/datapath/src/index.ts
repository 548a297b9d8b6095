export type { Datapath, DatapathAction, DatapathStats, Megaflow, PortInfo, PortSpec, PortStats, Upcall } from "./datapath.ts";
