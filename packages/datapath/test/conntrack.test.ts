/** The connection tracker of user space. */
import { testTracker } from "./tracker-suite.ts";
import { UserTracker } from "./trackers.ts";

testTracker(() => new UserTracker());
