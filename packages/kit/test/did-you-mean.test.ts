import { expect, test } from "vitest";
import { didYouMean, nearestName } from "@tenet/kit";

test("a name with one typing mistake finds the name that was meant", () => {
  expect(nearestName("wbe1", ["db1", "web1"])).toBe("web1");
  expect(nearestName("hots", ["hosts", "switches"])).toBe("hosts");
  expect(didYouMean("Hosts", ["hosts"])).toBe('did you mean "hosts"?');
});

test("a name that is near to nothing gives the list of what is known", () => {
  expect(didYouMean("zebra", ["hosts", "switches"])).toBe("known: hosts, switches");
});
