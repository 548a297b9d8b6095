/** The commands that look at and change how the connection tracker handles fragments, for `ovs-appctl`. */
import type { FragmentTracker, FragmentTracking } from "@tenet/datapath";
import type { Command } from "@tenet/ovsdb";
import { dpctlCommand, dpctlError, withoutDatapath } from "./datapath-argument.ts";
import type { VirtualSwitch } from "../../virtual-switch.ts";

/** The least that can be asked of the size of fragments. */
const LEAST_MIN_BYTES = 400;
/** As many fragments may wait at most. */
const MOST_WAITING = 5000;
const NOT_PERMITTED = "Operation not permitted";

/** `dpctl/ipf-*`. */
export function fragmentCommands(vswitch: VirtualSwitch): Command[] {
  const { fragments } = vswitch.datapath.conntrack;
  return [
    ...[true, false].map((isEnabled) =>
      dpctlCommand(`ipf-set-${isEnabled ? "enabled" : "disabled"}`, "[dp] v4|v6", [1, 2], ({ args }) => {
        const [version] = withoutDatapath(vswitch, args, 2);
        ofVersion(fragments, version, "parameter missing: 'v4' for IPv4 or 'v6' for IPv6").isEnabled = isEnabled;
        return `${isEnabled ? "enabling" : "disabling"} fragmentation reassembly successful`;
      }),
    ),
    dpctlCommand("ipf-set-min-frag", "[dp] v4|v6 minfragment", [2, 3], ({ args }) => {
      const [version, text = ""] = withoutDatapath(vswitch, args, 3);
      const family = ofVersion(fragments, version, "parameter missing: v4 for IPv4 or v6 for IPv6");
      if (!/^\d+$/.test(text)) throw dpctlError("parameter missing for minimum fragment size");
      if (Number(text) < LEAST_MIN_BYTES) {
        throw dpctlError("requested minimum fragment size too small; see documentation", NOT_PERMITTED);
      }
      family.minBytes = Number(text);
      return "setting minimum fragment size successful";
    }),
    dpctlCommand("ipf-set-max-nfrags", "[dp] maxfrags", [1, 2], ({ args }) => {
      const [text = ""] = withoutDatapath(vswitch, args, 2);
      if (!/^\d+$/.test(text)) throw dpctlError("parameter missing for maximum fragments");
      if (Number(text) > MOST_WAITING) throw dpctlError("setting maximum fragments failed", NOT_PERMITTED);
      fragments.maxWaiting = Number(text);
      return "setting maximum fragments successful";
    }),
    dpctlCommand("ipf-get-status", "[dp]", [0, 1], ({ options, args }) => {
      withoutDatapath(vswitch, args, 1);
      return showStatus(fragments) + (options.has("more") ? "\n\n        Fragment Lists:\n\n" : "");
    }),
  ];
}

function ofVersion({ ip4, ip6 }: FragmentTracker, version: string | undefined, problem: string): FragmentTracking {
  if (version !== "v4" && version !== "v6") throw dpctlError(problem);
  return version === "v4" ? ip4 : ip6;
}

function showStatus({ ip4, ip6, maxWaiting, nWaiting }: FragmentTracker): string {
  const lines = [
    "Fragmentation Module Status",
    "---------------------------",
    `v4 enabled: ${Number(ip4.isEnabled)}`,
    `v6 enabled: ${Number(ip6.isEnabled)}`,
    `max num frags (v4/v6): ${maxWaiting}`,
    `num frag: ${nWaiting}`,
    ...countLines("v4", ip4),
    ...countLines("v6", ip6),
  ];
  return lines.map((line) => `        ${line}`).join("\n");
}

/** Fragments are put together by whom they are for, so that none is purged. */
function countLines(version: string, family: FragmentTracking): string[] {
  const { minBytes, nAccepted, nCompleted, nExpired, nTooSmall, nOverlapped } = family;
  return [
    `min ${version} frag size: ${minBytes}`,
    `${version} frags accepted: ${nAccepted}`,
    `${version} frags completed: ${nCompleted}`,
    `${version} frags expired: ${nExpired}`,
    `${version} frags too small: ${nTooSmall}`,
    `${version} frags overlapped: ${nOverlapped}`,
    `${version} frags purged: 0`,
  ];
}
