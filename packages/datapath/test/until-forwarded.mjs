/**
 * For processes that tests kill: looks at packets, with pauses, until more than a few come in by a port of the datapath in a pause, so that the
 * kernel forwards them alone; then looks on.
 */
export async function untilForwarded(datapath, port) {
  for (let stop; ; stop.abort()) {
    if ((await nReceived(datapath, port)) > 5) break;
    stop = new AbortController();
    datapath.start(stop.signal);
    await nReceived(datapath, port);
  }
  datapath.start(new AbortController().signal);
}

/** How many packets a port takes in a tenth of a second. */
async function nReceived(datapath, port) {
  const nBefore = datapath.port(port).stats.rxPackets;
  await new Promise((resolve) => setTimeout(resolve, 100));
  return datapath.port(port).stats.rxPackets - nBefore;
}
