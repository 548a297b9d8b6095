export * from "./actions/index.ts";
export * from "./expression/index.ts";
