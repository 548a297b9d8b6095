/** Histories whose file was cut, damaged, or could not be written. */
import nodeFs, { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { HistoryDamageError, HistoryFileError, type HistoryFs, type HistoryOptions, openHistory } from "@tenet/datalog";
import { expect, test } from "vitest";
import { programOf, stateOf, withFile } from "./temporary.ts";

const PROGRAM = programOf(`
  input link(a: string, b: string)
  reach(a, b) :- link(a, b)
  reach(a, c) :- reach(a, b), link(b, c)`);

const link = (a: string, b: string, weight: 1 | -1 = 1) => ({ relation: "link", tuple: [a, b], weight }) as const;

/** Seven versions with checkpoints in between; returns the state of each. */
function write(options: Omit<HistoryOptions, "program">): Record<string, string[]>[] {
  using history = openHistory({ program: PROGRAM, sync: "never", checkpointBytes: 200, ...options });
  const states = [stateOf(history.engine)];
  for (const changes of [
    [link("a", "b"), link("b", "c")],
    [link("c", "d")],
    [link("b", "c", -1)],
    [link("\u{1f600}", '"')],
    [link("b", "c"), link("d", "a")],
    [link("a", "b", -1)],
    [link("z", "z")],
  ]) {
    history.transact(changes);
    states.push(stateOf(history.engine));
  }
  return states;
}

test("a file cut at any byte resumes at the last whole version, and goes on", { timeout: 60_000 }, () => {
  withFile((file) => {
    const states = write({ file });
    const bytes = readFileSync(file);
    let last = 0;
    for (let size = 0; size <= bytes.length; size++) {
      writeFileSync(file, bytes.subarray(0, size));
      const history = openHistory({ file, program: PROGRAM, sync: "never" });
      expect(stateOf(history.engine)).toEqual(states[history.version]);
      expect(history.version).toBeGreaterThanOrEqual(last);
      expect(history.cutBytes).toBeLessThanOrEqual(size);
      const isLonger = history.version > last;
      last = history.version;
      if (isLonger || size % 8 === 0) history.transact([link("new", "row")]);
      history.close();
      if (history.version === last) continue;
      using again = openHistory({ file, program: PROGRAM });
      expect([again.version, again.cutBytes]).toEqual([last + 1, 0]);
      expect(again.engine.has("link", ["new", "row"])).toBe(true);
    }
    expect(last).toBe(states.length - 1);
  });
});

test("a tail of zeros or of garbage is cut off", () => {
  withFile((file) => {
    const states = write({ file });
    for (const tail of [Buffer.alloc(5000), Buffer.from("garbage ".repeat(50))]) {
      writeFileSync(file, tail, { flag: "a" });
      using history = openHistory({ file, program: PROGRAM });
      expect(history.cutBytes).toBe(tail.length);
      expect(stateOf(history.engine)).toEqual(states.at(-1));
    }
  });
});

test("a damaged byte in the middle is refused with its place; repair goes back to the version before it", () => {
  withFile((file) => {
    const states = write({ file });
    const bytes = readFileSync(file);
    for (let at = 8; at < bytes.length; at += 7) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      writeFileSync(file, damaged);
      let refusal: unknown;
      try {
        openHistory({ file, program: PROGRAM }).close();
      } catch (error) {
        refusal = error;
      }
      if (refusal !== undefined) {
        expect(refusal).toBeInstanceOf(HistoryDamageError);
        expect((refusal as HistoryDamageError).details["at"]).toBeLessThanOrEqual(at);
        expect(readFileSync(file).equals(damaged)).toBe(true);
      }
      using history = openHistory({ file, program: PROGRAM, repair: true });
      expect(stateOf(history.engine)).toEqual(states[history.version]);
      if (refusal === undefined) expect(history.version).toBe(states.length - 2);
    }
  });
});

test("a record that is damaged while the history is open is an error when it is read", () => {
  withFile((file) => {
    write({ file, checkpointBytes: 1e6 });
    using history = openHistory({ file, program: PROGRAM });
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(() => history.asOf(history.version)).toThrow(HistoryDamageError);
    expect(() => [...history.entries()]).toThrow(HistoryDamageError);
  });
});

/** A file system that fails when told to. */
class FailingFs {
  fail: "write" | "sync" | "cut" | undefined;
  readonly fs: HistoryFs = {
    ...nodeFs,
    writeSync: (fd, buffer, offset, length, position) => {
      if (this.fail === undefined || this.fail === "sync") return nodeFs.writeSync(fd, buffer, offset, length, position);
      nodeFs.writeSync(fd, buffer, offset, length >> 1, position);
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    },
    fdatasyncSync: (fd) => {
      if (this.fail === "sync") throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
      nodeFs.fdatasyncSync(fd);
    },
    ftruncateSync: (fd, length) => {
      if (this.fail === "cut") throw new Error("EIO: i/o error");
      nodeFs.ftruncateSync(fd, length);
    },
  };
}

test.each(["write", "sync"] as const)("a commit whose %s fails does not happen, and the next one does", (what) => {
  withFile((file) => {
    const failing = new FailingFs();
    using history = openHistory({ file, program: PROGRAM, fs: failing.fs });
    history.transact([link("a", "b")]);
    const before = stateOf(history.engine);
    failing.fail = what;
    expect(() => history.transact([link("b", "c")])).toThrow(HistoryFileError);
    expect(stateOf(history.engine)).toEqual(before);
    failing.fail = undefined;
    history.transact([link("c", "d")]);
    expect(history.version).toBe(2);
    copyFileSync(file, `${file}.copy`);
    using copy = openHistory({ file: `${file}.copy`, program: PROGRAM });
    expect(stateOf(copy.engine)).toEqual(stateOf(history.engine));
  });
});

test("commits made on the engine while the disk was full are recorded, in order, once it is not", () => {
  withFile((file) => {
    const failing = new FailingFs();
    const history = openHistory({ file, program: PROGRAM, fs: failing.fs });
    failing.fail = "write";
    expect(() => history.engine.transact([link("a", "b")])).toThrow(/Cannot append to history .*ENOSPC/);
    expect(() => history.engine.transact([link("a", "b", -1), link("b", "c")])).toThrow(HistoryFileError);
    failing.fail = undefined;
    history.transact([link("c", "d")]);
    expect(history.version).toBe(3);
    const state = stateOf(history.engine);
    history.close();
    using again = openHistory({ file, program: PROGRAM });
    expect(stateOf(again.engine)).toEqual(state);
    expect(again.asOf(1).rows("link")).toEqual([["a", "b"]]);
  });
});

test("after a failed append that cannot be taken back nothing more is written", () => {
  withFile((file) => {
    const failing = new FailingFs();
    const history = openHistory({ file, program: PROGRAM, fs: failing.fs });
    history.transact([link("a", "b")]);
    failing.fail = "cut";
    expect(() => history.transact([link("b", "c")])).toThrow(HistoryFileError);
    failing.fail = undefined;
    expect(() => history.transact([link("b", "c")])).toThrow(/could not be taken back/);
    history.close();
    using again = openHistory({ file, program: PROGRAM });
    expect(again.version).toBe(1);
  });
});

test("another writer of the same file is noticed", () => {
  withFile((file) => {
    const [one, other] = [openHistory({ file, program: PROGRAM }), openHistory({ file, program: PROGRAM })];
    one.transact([link("a", "b")]);
    expect(() => other.transact([link("b", "c")])).toThrow(/something else wrote to it/);
    expect(other.engine.size("link")).toBe(0);
    one.close();
    other.close();
  });
});

test("a file that is no history is refused and left alone", () => {
  withFile((file) => {
    writeFileSync(file, "precious");
    expect(() => openHistory({ file, program: PROGRAM })).toThrow(/is not a history/);
    expect(readFileSync(file, "utf8")).toBe("precious");
    truncateSync(file, 3);
    expect(() => openHistory({ file, program: PROGRAM })).toThrow(/is not a history/);
    expect(() => openHistory({ file: `${file}/below`, program: PROGRAM })).toThrow(HistoryFileError);
  });
});
