/** A process of its own that forwards between devices "a" and "b" of its namespace until killed; for forwarding.mjs. */
import { UserDatapath } from "@tenet/datapath";
import { inNamespace } from "@tenet/linux";
import { FIELDS, makeFlowKey } from "@tenet/net";

const datapath = new UserDatapath();
inNamespace(process.argv[2] ?? "", () => {
  for (const name of ["a", "b"]) datapath.addPort({ name, kind: "system" });
});
const mask = makeFlowKey();
mask[FIELDS.in_port.word] = 0xffffffff;
for (const port of [1, 2]) {
  const key = makeFlowKey();
  key[FIELDS.in_port.word] = port;
  datapath.putFlow(key, mask, [{ type: "output", port: 3 - port }]);
}
datapath.start(new AbortController().signal);
console.log("ready");
