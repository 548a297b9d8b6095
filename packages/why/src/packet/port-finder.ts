/** Finds the ports that a question names, and says at which word it cannot. */
import { didYouMean } from "@tenet/kit";
import type { Place } from "../question/question.ts";
import { QuestionError } from "../question/question-error.ts";
import type { Network, Port } from "./network.ts";

/** The ports of one question. */
export class PortFinder {
  readonly #text: string;
  readonly #network: Network;

  /** @param text - the question, for the positions of errors */
  constructor(text: string, network: Network) {
    this.#text = text;
    this.#network = network;
  }

  /** The port of a name, or the only one of a host. @throws QuestionError */
  find(place: Place): Port {
    const [port, ...others] = this.#network.named(place.text);
    if (port === undefined) {
      throw this.fault(place, `No port or host is called "${place.text}"`, didYouMean(place.text, this.#network.names()));
    }
    if (others.length > 0) {
      const names = [port, ...others].map(({ name }) => name).sort();
      throw this.fault(place, `"${place.text}" has ${names.length} ports`, `Name one of them: ${names.join(", ")}`);
    }
    return port;
  }

  /** The OpenFlow port by which a logical port is plugged into the bridge. @throws QuestionError when it is not */
  ofport(port: Port, place: Place, bridge: string): number {
    const plugs = this.#network.plugs(bridge, port.name);
    if (plugs === undefined)
      throw this.fault(place, `The switch has no bridge "${bridge}"`, "Start the controller, which makes it");
    const [plug] = plugs;
    if (plug === undefined) {
      const hint = `No interface of ${bridge} has external_ids:iface-id="${port.name}"; the port is elsewhere or nowhere`;
      throw this.fault(place, `Port "${port.name}" is not plugged in here`, hint);
    }
    if (plug.ofport === undefined) {
      const hint = plug.error === "" ? "See the log of the switch" : plug.error;
      throw this.fault(place, `Interface "${plug.interface}" of port "${port.name}" is not open`, hint);
    }
    return plug.ofport;
  }

  /** An error at a word of the question. */
  fault({ at }: Place, problem: string, hint?: string): QuestionError {
    return new QuestionError(problem, this.#text, { at, ...(hint === undefined ? {} : { hint }) });
  }
}
