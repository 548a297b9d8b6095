export { CT_STATE } from "./conntrack/ct-state.ts";
export { TCP_STATES } from "./conntrack/tcp.ts";
export type {
  ConnectionFilter,
  ConnectionInfo,
  ConnectionTracker,
  ConnectionTuple,
  CtDatapathAction,
  CtHelper,
  CtNat,
  Datapath,
  DatapathAction,
  DatapathStats,
  DatapathTraffic,
  FragmentTracker,
  FragmentTracking,
  Megaflow,
  PortInfo,
  PortRange,
  PortSpec,
  PortStats,
  SetTunnelAction,
  TakeOver,
  TunnelPushAction,
  TunnelSpec,
  Upcall,
  UpcallCounts,
} from "./datapath.ts";
export { nestedActions } from "./datapath.ts";
export { type KernelObstacle, kernelObstacle } from "./ebpf/kernel-obstacle.ts";
export { hasKernelLeftovers, removeKernelLeftovers } from "./ebpf/kernel-pins.ts";
export type { LeftFlow, LeftFlows } from "./ebpf/restart/left-flows.ts";
export { FlowTable } from "./flow-table.ts";
export { MemoryLink } from "./port/memory-link.ts";
export { Meter, type MeterBand, type MeterConfig, type MeterCounters, type MeterStats } from "./meter/meter.ts";
export { MeterTable } from "./meter/meter-table.ts";
export { buildOuterHeader } from "./tunnel/outer-header.ts";
export { UserDatapath, type UserDatapathOptions } from "./user-datapath.ts";
