export * from "./browser.ts";
export { createLogger, type LoggerOptions } from "./create-logger.ts";
export { checkSocketPath } from "./socket-path.ts";
export { uncountedMemory } from "./uncounted-memory.ts";
