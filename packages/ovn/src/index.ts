export * from "./actions/index.ts";
export * from "./controller/index.ts";
export * from "./expression/index.ts";
export * from "./northd/index.ts";
