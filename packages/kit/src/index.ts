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
export { createLogger, type Logger, type LoggerOptions, silentLogger } from "./logger.ts";
export { type Resource, Scope } from "./scope.ts";
export { checkSocketPath } from "./socket-path.ts";
export { formatError, positionAt, SourceError, type SourceErrorOptions, type SourcePosition } from "./source-error.ts";
export { untilAborted } from "./until-aborted.ts";
