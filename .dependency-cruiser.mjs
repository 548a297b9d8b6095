/**
 * Rules over the built JavaScript: the order of packages, no cycles, no way around a package's `index.js`.
 *
 * The built code is cruised because the compiler has no API that a cruiser could parse TypeScript with. Type-only imports
 * are gone from it; `scripts/lint/check-sources.mjs` holds the order for those.
 */
import { PACKAGE_ORDER, packagesBelow } from "./scripts/lint/package-order.mjs";

const order = PACKAGE_ORDER.map((name) => ({
  name: `order-${name}`,
  comment: `${name} imports only from packages before it: ${packagesBelow(name).join(", ") || "none"}`,
  severity: "error",
  from: { path: `^packages/${name}/` },
  to: { path: "^packages/", pathNot: `^packages/(${[name, ...packagesBelow(name)].join("|")})/` },
}));

export default {
  forbidden: [
    ...order,
    {
      name: "no-cycle",
      comment: "a file must not import itself by way of others; between packages the order forbids it already",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: { circular: true, path: "^packages/$1/" },
    },
    {
      name: "only-the-face",
      comment: "from another package only its index is imported, or the part of it that needs no node",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: { path: "^packages/[^/]+/", pathNot: ["^packages/$1/", "^packages/[^/]+/dist/(index|browser)\\.js$"] },
    },
    {
      name: "not-found",
      comment: "an import that names nothing",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "default"] },
  },
};
