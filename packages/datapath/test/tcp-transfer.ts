/** Bytes over TCP between network namespaces. */
import { createHash, randomBytes } from "node:crypto";
import { createConnection, createServer, Socket } from "node:net";
import { openTcpListener, POLL, Poller, startTcpConnect } from "@tenet/linux";

/** Sends `nBytes` over TCP from a namespace (or this one) to a namespace and returns whether they arrived as sent. */
export async function transfer(from: string | undefined, to: string, address: string, nBytes: number): Promise<boolean> {
  const data = randomBytes(nBytes);
  const server = createServer({ allowHalfOpen: true });
  const hash = createHash("sha256");
  const received = new Promise<string>((resolve, reject) => {
    server.on("connection", (socket) => {
      socket.on("data", (chunk) => hash.update(chunk));
      socket.on("end", () => {
        socket.end();
        resolve(hash.digest("hex"));
      });
      socket.on("error", reject);
    });
  });
  server.listen({ fd: openTcpListener(to, address.includes(":") ? "::" : "0.0.0.0", 5001) });
  const client = from === undefined ? createConnection(5001, address) : await connectFrom(from, address);
  client.resume();
  client.end(data);
  const digest = await received;
  server.close();
  return digest === createHash("sha256").update(data).digest("hex");
}

/** A connection from inside a namespace. */
export async function connectFrom(namespace: string, address: string): Promise<Socket> {
  const { fd } = startTcpConnect(namespace, address, 5001);
  const poller = new Poller();
  poller.add(fd, 1, POLL.writable);
  while (poller.ready(new Int32Array(1)) === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  poller.close();
  return new Socket({ fd });
}

/** Sends data to a server that sends it back. @returns the hash of what came back */
export async function echo(socket: Socket, data: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  socket.end(data);
  for await (const chunk of socket) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
