/** Members of an etcd cluster as real processes on loopback, and a wire to them that tests can cut. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Scope } from "@tenet/kit";
import type { TlsFiles } from "@tenet/ovsdb";
import { temporaryFolder } from "./fixtures.ts";
import { freePorts } from "./free-ports.ts";

/** One member. */
export interface Member {
  /** `HOST:PORT` for clients. */
  readonly endpoint: string;
  /** Kills it with -9. */
  kill(): Promise<void>;
  /** Starts it again on its data. */
  start(): void;
  /** Lets it neither work nor end. */
  pause(): void;
  resume(): void;
}

/** A cluster. */
export interface Cluster {
  readonly members: readonly Member[];
  /** Resolves when a majority works. */
  ready(): Promise<void>;
  /** A request to the gateway of the first member that answers. */
  request(path: string, body: object): Promise<{ readonly [name: string]: unknown }>;
}

/** Starts a cluster of one member that speaks TLS, to those who have a certificate. @returns its `https://HOST:PORT` */
export async function startSecureMember(scope: Scope, files: Required<Pick<TlsFiles, "privateKey" | "certificate" | "caCert">>) {
  const [clientPort = 0, peerPort] = await freePorts(2);
  const [clientUrl, peerUrl] = [`https://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`];
  const tls = [`--cert-file=${files.certificate}`, `--key-file=${files.privateKey}`, `--trusted-ca-file=${files.caCert}`];
  const options = memberOptions(temporaryFolder(scope), "m0", clientUrl, peerUrl, `m0=${peerUrl}`);
  startMember(scope, clientPort, [...options, ...tls, "--client-cert-auth"]);
  return clientUrl;
}

/** Starts a cluster that the scope ends. */
export async function startCluster(scope: Scope, nMembers: number, extraOptions: readonly string[] = []): Promise<Cluster> {
  const folder = temporaryFolder(scope);
  const ports = await freePorts(2 * nMembers);
  const names = Array.from({ length: nMembers }, (_, i) => `m${i}`);
  const clientPort = (i: number) => ports[2 * i] ?? 0;
  const peerUrl = (i: number) => `http://127.0.0.1:${ports[2 * i + 1]}`;
  const initial = names.map((name, i) => `${name}=${peerUrl(i)}`).join(",");
  const members = names.map((name, i) =>
    startMember(scope, clientPort(i), [
      ...memberOptions(folder, name, `http://127.0.0.1:${clientPort(i)}`, peerUrl(i), initial),
      ...extraOptions,
    ]),
  );
  const request = async (path: string, body: object) => {
    const failures: unknown[] = [];
    for (const { endpoint } of members) {
      try {
        const signal = AbortSignal.timeout(3000);
        const response = await fetch(`http://${endpoint}/v3/${path}`, { method: "POST", body: JSON.stringify(body), signal });
        if (response.ok) return (await response.json()) as { [name: string]: unknown };
        failures.push(await response.text());
      } catch (error) {
        failures.push(error);
      }
    }
    throw new AggregateError(failures, "no member answers");
  };
  const ready = async () => {
    for (let nTries = 0; ; nTries++) {
      const error: unknown = await request("kv/range", { key: "YQ==" }).then(
        () => undefined,
        (failure: unknown) => failure,
      );
      if (error === undefined) return;
      if (nTries === 100) throw error;
      await sleep(100);
    }
  };
  await ready();
  return { members, ready, request };
}

function memberOptions(folder: string, name: string, clientUrl: string, peerUrl: string, initial: string): string[] {
  return [
    `--name=${name}`,
    `--data-dir=${join(folder, name)}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=${initial}`,
    "--logger=zap",
    "--log-level=fatal",
  ];
}

function startMember(scope: Scope, port: number, options: readonly string[]): Member {
  let child: ChildProcess;
  const start = (): void => {
    child = spawn("etcd", options, { stdio: "ignore" });
  };
  start();
  scope.defer(() => void child.kill("SIGKILL"));
  return {
    endpoint: `127.0.0.1:${port}`,
    start,
    async kill() {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
  };
}

/** A wire between a client and a member. */
export interface Wire {
  /** `HOST:PORT` at the client's end. */
  readonly endpoint: string;
  /** Ends all connections and takes no more. */
  cut(): void;
  /** Lets requests through, but ends connections in the place of answers. */
  swallowAnswers(): void;
  /** Lets everything through, so many ms later. */
  delay(ms: number): void;
  mend(): void;
}

/** Lays a wire to a member; the scope takes it away. */
export async function layWire(scope: Scope, member: Member): Promise<Wire> {
  let mode: "whole" | "cut" | "swallowing" = "whole";
  let delayMs = 0;
  const sockets = new Set<Socket>();
  const [host = "", port = ""] = member.endpoint.split(":");
  const server = createServer((near) => {
    if (mode === "cut") return void near.destroy();
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (bytes) => {
      if (delayMs === 0) far.write(bytes);
      else setTimeout(() => void far.write(bytes), delayMs);
    });
    far.on("data", (bytes) => void (mode === "swallowing" ? near.destroy() : near.write(bytes)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      mode = "cut";
      for (const socket of sockets) socket.destroy();
    },
    swallowAnswers: () => void (mode = "swallowing"),
    delay: (ms) => void (delayMs = ms),
    mend: () => void (mode = "whole"),
  };
}
