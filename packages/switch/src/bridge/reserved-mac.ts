/** Addresses of protocols between neighbouring switches, whose frames a switch keeps from going further. */

/** Of the protocols of single makers: EDP, EAPS, ISL, PVST+, STP uplink fast. */
const SINGLE: ReadonlySet<number> = new Set([
  0x00e0_2b00_0000, 0x00e0_2b00_0004, 0x00e0_2b00_0006, 0x0100_0c00_0000, 0x0100_0ccc_cccd, 0x0100_0ccd_cdcd,
]);
/** Blocks of 16: of IEEE 802.1Q (table 8-1), and of CDP, VTP, DTP, PAgP and CFM. */
const BLOCKS: ReadonlySet<number> = new Set([0x0180_c200_0000, 0x0100_0ccc_ccc0]);

/** Where frames of 802.1D go. */
export const STP_MAC = 0x0180_c200_0000;

/** Whether frames to this address do not go further. @see ovs-vswitchd.conf.db(5), Bridge table, forward-bpdu */
export function isReservedMac(mac: number): boolean {
  return BLOCKS.has(mac - (mac % 16)) || SINGLE.has(mac);
}
