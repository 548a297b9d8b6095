/** What the browser's tab says. */
import type { State } from "./api.ts";
import { plural } from "./format.ts";

/** `1 violation · three-tier · Tenet`: what is wrong comes first, since tabs are narrow. */
export function pageTitle(state: State | undefined, isLost: boolean): string {
  const n = state === undefined ? 0 : (state.nViolations ?? state.violations.length);
  const parts = [isLost ? "not live" : "", n === 0 ? "" : plural(n, "violation"), state?.name ?? "", "Tenet"];
  return parts.filter((part) => part !== "").join(" · ");
}
