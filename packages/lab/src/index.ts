/** Lab files, hosts that run what they describe, and the measurement of who reaches whom. */
export type { Expectation } from "./file/expectation.ts";
export { type LabFile, readLabFile, type Suggestion } from "./file/lab-file.ts";
export { LabFileError } from "./file/lab-file-error.ts";
export type { LabHost } from "./file/lab-host.ts";
export type { NorthboundRow, NorthboundRows, RowElement, RowName } from "./file/northbound-rows.ts";
export { HostDeviceError } from "./hosts/namespace-hosts.ts";
export type { FrameLink } from "./hosts/simulated-hosts.ts";
export { LabBusyError, LabPrefixError } from "./lab-lock.ts";
export { findLeftHosts, removeLeftHosts } from "./left-hosts.ts";
export { bestMode, type LabMode } from "./lab-mode.ts";
export { type AppliedNorthbound, applyNorthbound, NorthboundError } from "./northbound/apply-northbound.ts";
export { checkExpectations } from "./reachability/check-expectations.ts";
export { formatReachability } from "./reachability/format-reachability.ts";
export type { Reachability, ReachabilityCell, TcpReachability } from "./reachability/reachability.ts";
export { type LabOptions, type RunningHost, type RunningLab, startLab } from "./start-lab.ts";
export { LabTimeoutError } from "./until-forwarding.ts";
