/** A host for tests: a namespace with a device `eth0`, cabled to a device here. */
import { addAddress, createNamespace, createVethPair, inNamespace, setLinkUp, untilOperational } from "@tenet/linux";

/**
 * Makes a host.
 *
 * @param namespace - its name, not in use yet; at most 12 characters
 * @param addresses - of its device, with prefix lengths
 * @returns the name of the device here: the namespace's and `-sw`
 */
export async function cableHost(namespace: string, ...addresses: readonly string[]): Promise<string> {
  const name = `${namespace}-sw`;
  createNamespace(namespace);
  createVethPair({ name, peer: "eth0", peerNamespace: namespace });
  setLinkUp(name);
  inNamespace(namespace, () => {
    for (const address of addresses) addAddress("eth0", address);
    setLinkUp("eth0");
  });
  await untilOperational([{ name }, { name: "eth0", namespace }]);
  return name;
}
