/** Numbers of the Linux interface used in this package (the same on x64 and arm64). */

/** errno values that are expected outcomes. */
export const ERRNO = {
  ENOENT: 2,
  EINTR: 4,
  ENXIO: 6,
  EAGAIN: 11,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMSGSIZE: 90,
  ENETDOWN: 100,
  ENOBUFS: 105,
  EINPROGRESS: 115,
} as const;

/** Protection of mapped memory. */
export const PROT = { read: 1, write: 2 } as const;

/** Flags of mmap(2). */
export const MAP = { shared: 1, private: 2, fixed: 0x10, anonymous: 0x20, noreserve: 0x4000 } as const;

/** Address families. */
export const AF = { unix: 1, inet: 2, inet6: 10, netlink: 16, packet: 17 } as const;

/** Socket types and flags. */
export const SOCK = { stream: 1, dgram: 2, raw: 3, nonblock: 0x800, cloexec: 0x80000 } as const;

/** setsockopt levels. */
export const SOL = { ip: 0, socket: 1, ipv6: 41, icmpv6: 58, packet: 263, netlink: 270 } as const;

/** setsockopt names at SOL_SOCKET. */
export const SO = {
  reuseaddr: 2,
  error: 4,
  sndbuf: 7,
  rcvbuf: 8,
  linger: 13,
  peercred: 17,
  sndbufforce: 32,
  rcvbufforce: 33,
} as const;

/** setsockopt names at SOL_PACKET. */
export const PACKET = {
  addMembership: 1,
  receiveRing: 5,
  statistics: 6,
  copyThreshold: 7,
  version: 10,
  reserve: 12,
  vnetHdr: 15,
  ignoreOutgoing: 23,
} as const;

/** open flags. */
export const O = { rdonly: 0, rdwr: 2, creat: 0o100, excl: 0o200, nonblock: 0o4000, cloexec: 0o2000000 } as const;

/** clone and mount flags. */
export const CLONE_NEWNET = 0x4000_0000;
export const MS = { bind: 0x1000, rec: 0x4000, shared: 0x10_0000 } as const;
export const MNT_DETACH = 2;

/** recv and send flags. */
export const MSG_DONTWAIT = 0x40;
