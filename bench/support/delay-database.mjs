/** The database of a switch whose packets wait, for upcall-delay.mjs and first-packets.mjs. */
import { setTimeout as sleep } from "node:timers/promises";
import { silentLogger } from "@tenet/kit";
import { Database, OPEN_VSWITCH, OvsdbServer } from "@tenet/ovsdb";

const PATIENCE_MS = 60_000;

/** An Open_vSwitch database in this process, served on a socket. */
export class DelayDatabase {
  #database;
  #server;

  /** @param remote - as the switch calls it */
  static async serve(remote) {
    const served = new DelayDatabase();
    served.#database = await Database.open({ schema: OPEN_VSWITCH });
    served.#server = new OvsdbServer([served.#database], silentLogger);
    await served.#server.listen(`p${remote}`);
    await served.#database.transact([{ op: "insert", table: "Open_vSwitch", row: {} }]);
    return served;
  }

  /**
   * Makes the bridge br0 with the ports p1 and p2.
   *
   * @param bridge - more of the bridge's columns
   * @param optionsOf - options of a port, by name
   */
  async addBridge(bridge = {}, optionsOf = () => ({})) {
    const names = ["br0", "p1", "p2"];
    const interfaceRow = (name) => ({
      name,
      type: name === "br0" ? "internal" : "dummy",
      options: ["map", Object.entries(optionsOf(name))],
    });
    await this.change([
      ...names.flatMap((name) => [
        { op: "insert", table: "Interface", "uuid-name": `i${name}`, row: interfaceRow(name) },
        { op: "insert", table: "Port", "uuid-name": `p${name}`, row: { name, interfaces: ["named-uuid", `i${name}`] } },
      ]),
      {
        op: "insert",
        table: "Bridge",
        "uuid-name": "b",
        row: { name: "br0", ports: ["set", names.map((name) => ["named-uuid", `p${name}`])], fail_mode: "secure", ...bridge },
      },
      { op: "mutate", table: "Open_vSwitch", where: [], mutations: [["bridges", "insert", ["set", [["named-uuid", "b"]]]]] },
    ]);
  }

  /**
   * Carries out a transaction and waits until the switch has followed it.
   *
   * @param operations - or what makes them from the ports that were added beside p1 and p2
   */
  change = async (operations) => {
    const rows = [...this.#database.table("Port").values()];
    const more = rows.filter(({ name }) => /^m\d/.test(name)).map(({ _uuid }) => ["uuid", _uuid]);
    const ops = typeof operations === "function" ? operations(more) : operations;
    const follow = { op: "mutate", table: "Open_vSwitch", where: [], mutations: [["next_cfg", "+=", 1]] };
    const results = await this.#database.transact([...ops, follow]);
    const failure = results.find((result) => result?.error !== undefined);
    if (failure !== undefined) throw new Error(JSON.stringify(failure));
    const isFollowed = () => [...this.#database.table("Open_vSwitch").values()].every((row) => row.cur_cfg === row.next_cfg);
    const lateMs = performance.now() + PATIENCE_MS;
    while (!isFollowed()) {
      if (performance.now() > lateMs) throw new Error("the switch does not follow its database");
      await sleep(5);
    }
  };

  async close() {
    await this.#server.close();
  }
}
