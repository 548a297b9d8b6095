export { addAddress, addRoute, type RouteSpec } from "./address.ts";
export {
  addressOf,
  bpfFileSystem,
  callBpf,
  callBpfAside,
  closeFd,
  errnoName,
  type Mapping,
  mapDescriptor,
  type Reservation,
  reserveAddresses,
} from "./bpf-call.ts";
export { type Cable, findCable } from "./cable.ts";
export { DatagramQueue, ReceivedDatagrams } from "./datagram-batches.ts";
export { DeviceWatch } from "./device-watch.ts";
export { FRAME_OFFSET, FrameArena, HEADROOM, MAX_FRAME_BYTES, VNET_HEADER_BYTES } from "./frame-arena.ts";
export { type FrameDevice, ReceivedFrames, SendQueue } from "./frame-device.ts";
export {
  type Attempt,
  closeSocket,
  openIcmpSocket,
  openTcpListener,
  openUdpSocket,
  receiveDatagram,
  sendDatagram,
  socketError,
  startTcpConnect,
} from "./host-socket.ts";
export { deleteLeftovers, findLeftovers, type Leftovers } from "./leftovers.ts";
export {
  createVethPair,
  deleteLink,
  findLink,
  type LinkInfo,
  linkIndex,
  listLinks,
  setLinkDown,
  setLinkUp,
  setMac,
  setMtu,
  type VethSpec,
} from "./link.ts";
export { type DriverInfo, driverInfo, type LinkSettings, linkSettings } from "./ethtool.ts";
export { LinkMonitor } from "./link-monitor.ts";
export { type MappedFile, mapFile } from "./map-file.ts";
export { createNamespace, deleteNamespace, inNamespace, listNamespaces, namespaceNumber } from "./namespace.ts";
export { type DevicePlace, untilOperational } from "./operational.ts";
export { listenedDevices } from "./packet-listeners.ts";
export { openPacketSocket } from "./packet-socket.ts";
export { type PeerCredentials, peerCredentials, processName } from "./peer-credentials.ts";
export { holdPidFile, type PidFile } from "./pid-file.ts";
export { hasRecordLocks, takeRecordLock } from "./record-lock.ts";
export { POLL, Poller } from "./poller.ts";
export { type Probe, probe } from "./probe.ts";
export { type PingResult, type ProbeOptions, ReachabilityProber, type TcpResult } from "./reachability.ts";
export { RouteMonitor } from "./route-monitor.ts";
export { type AddressInfo, findRoute, findRouteEntry, listAddresses, listRoutes, type RouteInfo } from "./route-table.ts";
export { SystemCallError } from "./system-call-error.ts";
export { openTap } from "./tap.ts";
export { type Direction, removeFilter, setFilter } from "./traffic-control.ts";
export { PathMtuProbe } from "./path-mtu.ts";
export {
  type HeldPorts,
  holdUdpPorts,
  openRawReceiver,
  openTunnelSender,
  openUdpReceiver,
  type SenderSpec,
  type TunnelProtocol,
  type TunnelReceiver,
  type TunnelSender,
} from "./tunnel-socket.ts";
export { UnixDatagramSender } from "./unix-datagram.ts";
