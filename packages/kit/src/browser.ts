/** The part of the package that needs no node; bundlers for browsers take it instead of the whole. */
export {
  AppError,
  type AppErrorOptions,
  errnoOf,
  IoError,
  type Json,
  messageOf,
  ProtocolError,
  TruncatedError,
} from "./app-error.ts";
export { type Clock, ManualClock, systemClock } from "./clock.ts";
export { didYouMean, nearestName } from "./did-you-mean.ts";
export { type Resource, Scope } from "./scope.ts";
export { formatError, positionAt, SourceError, type SourceErrorOptions, type SourcePosition } from "./source-error.ts";
export { untilAborted } from "./until-aborted.ts";
export { type Logger, silentLogger } from "./logger.ts";
