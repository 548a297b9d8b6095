/**
 * Holds the package order where the built code cannot show it: in type-only imports, tests, benchmarks and manifests.
 *
 * The compiler erases type imports, so a rule over `dist` alone would let a lower package name the types of a higher one.
 * Here every import specifier of every source file is read from its text, which the formatter keeps in one form.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, normalize } from "node:path";
import { PACKAGE_ORDER, packagesBelow } from "./package-order.mjs";

const SCOPE = "@tenet/";
const IMPORT = /\b(?:from|import)\s*\(?\s*"([^"]+)"/g;

/** Returns what breaks the order, one line each: place, then what is wrong. */
export function checkSources(root) {
  const folders = readdirSync(join(root, "packages")).filter((name) => existsSync(join(root, "packages", name, "package.json")));
  const strangers = folders.filter((name) => !PACKAGE_ORDER.includes(name));
  return [
    ...strangers.map((name) => `packages/${name}: is not in the order; add it to scripts/lint/package-order.mjs`),
    ...folders.flatMap((name) => [...checkManifest(root, name), ...checkImports(root, name)]),
  ];
}

function checkManifest(root, name) {
  const place = `packages/${name}/package.json`;
  const { dependencies, devDependencies, peerDependencies } = JSON.parse(readFileSync(join(root, place), "utf8"));
  return Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies })
    .filter((wanted) => wanted.startsWith(SCOPE) && !packagesBelow(name).includes(wanted.slice(SCOPE.length)))
    .map((wanted) => `${place}: ${wanted} does not come before ${SCOPE}${name}`);
}

function checkImports(root, name) {
  const home = `packages/${name}`;
  return ["src", "test", "bench", "bin"].flatMap((folder) =>
    filesUnder(root, `${home}/${folder}`).flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      return [...text.matchAll(IMPORT)].flatMap(({ 1: specifier, index }) => {
        const wrong = judge(specifier, file, name);
        return wrong === undefined ? [] : [`${file}:${text.slice(0, index).split("\n").length}: ${wrong}`];
      });
    }),
  );
}

function judge(specifier, file, name) {
  if (specifier.startsWith(".")) {
    const target = normalize(join(file, "..", specifier));
    return target.startsWith(`packages/${name}/`) || !target.startsWith("packages/")
      ? undefined
      : `"${specifier}" reaches into another package; import from its name`;
  }
  if (!specifier.startsWith(SCOPE)) return undefined;
  const [wanted, ...inner] = specifier.slice(SCOPE.length).split("/");
  if (inner.length > 0 && !isOffered(wanted, `./${inner.join("/")}`))
    return `"${specifier}" is an inner file; import from "${SCOPE}${wanted}"`;
  const allowed = file.startsWith(`packages/${name}/src/`) ? packagesBelow(name) : [...packagesBelow(name), name];
  return allowed.includes(wanted) ? undefined : `"${specifier}" does not come before ${SCOPE}${name}`;
}

/** Whether a package offers a part of itself under a name of its own. */
function isOffered(name, part) {
  const manifest = join("packages", name, "package.json");
  return existsSync(manifest) && part in (JSON.parse(readFileSync(manifest, "utf8")).exports ?? {});
}

function filesUnder(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesUnder(root, path);
    return /\.(ts|tsx|js|mjs)$/.test(entry.name) ? [path] : [];
  });
}
