/** Finds the packages of rivals. They are not among our dependencies: nobody should install them who does not measure. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** A package's address: of the copy that the environment variable names, a folder or a file, else of the one that is installed. */
function addressOf(name, variable) {
  const copy = process.env[variable];
  return copy === undefined ? name : pathToFileURL(createRequire(import.meta.url).resolve(copy)).href;
}

/** Imports a rival. */
export function importRival(name, variable) {
  return import(addressOf(name, variable));
}

/** Why it can't be measured; `undefined` if it can. */
export function whyNoModule(name, variable) {
  return importRival(name, variable).then(
    () => undefined,
    () => `not installed: npm install --no-save ${name}, or name a copy in ${variable}`,
  );
}
