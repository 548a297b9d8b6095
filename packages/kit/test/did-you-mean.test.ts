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

test("the nearest of several names is given, the first of equally near ones", () => {
  expect(nearestName("logical_swich", ["logical_router", "logical_switches", "logical_switch", "logical_swish"])).toBe(
    "logical_switch",
  );
  expect(nearestName("ab", ["ba", "a", "abc"])).toBe("ba");
  expect(nearestName("port", ["port", "ports"])).toBe("port");
});

/** Optimal string alignment as its definition says. */
function distance(a: string, b: string): number {
  if (a === "" || b === "") return Math.max(a.length, b.length);
  const [x, y] = [a.slice(0, -1), b.slice(0, -1)];
  const isSwap = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1);
  return Math.min(
    distance(x, b) + 1,
    distance(a, y) + 1,
    distance(x, y) + (a.at(-1) === b.at(-1) ? 0 : 1),
    isSwap ? distance(a.slice(0, -2), b.slice(0, -2)) + 1 : Number.POSITIVE_INFINITY,
  );
}

test("of all short names the one at the least edit distance is found", () => {
  const letters = ["a", "b", "c"];
  const names = letters.flatMap((a) => letters.flatMap((b) => ["", ...letters].flatMap((c) => [a + b + c, `ca${b}${a}${c}b`])));
  for (const name of ["abc", "cabab", "bacbca", "abcabc", "cc", "b"]) {
    const limit = Math.max(1, Math.floor(name.length / 3));
    const nearest = names.filter((candidate) => distance(name, candidate) <= limit);
    const least = Math.min(...nearest.map((candidate) => distance(name, candidate)));
    expect(nearestName(name, names)).toBe(nearest.find((candidate) => distance(name, candidate) === least));
    for (const candidate of names) {
      expect([candidate, nearestName(name, [candidate])]).toEqual([
        candidate,
        distance(name, candidate) <= limit ? candidate : undefined,
      ]);
    }
  }
});
