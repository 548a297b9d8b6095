export { type Action, type Match, PORT, type SubField } from "./action.ts";
