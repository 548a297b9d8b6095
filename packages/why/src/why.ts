/**
 * Why a packet fares as it does: the question becomes a packet, the switch traces it without sending it, and every
 * step is followed up through cookies, UUIDs and hints to the row and the transaction that decided.
 */
import { SourceError } from "@tenet/kit";
import { parseMatch } from "@tenet/openflow";
import { layersOf, linkSteps } from "./links/link-steps.ts";
import { NorthboundLinks } from "./links/northbound.ts";
import { SouthboundLinks } from "./links/southbound.ts";
import { Network } from "./packet/network.ts";
import type { Packet } from "./packet/packet.ts";
import { resolvePacket } from "./packet/resolve-packet.ts";
import { parseQuestion } from "./question/parse-question.ts";
import type { FlowQuestion } from "./question/question.ts";
import { QuestionError } from "./question/question-error.ts";
import type { WhySources } from "./sources.ts";
import type { Story } from "./story.ts";
import { causeOf } from "./transaction.ts";
import { describeRow } from "./verdict/describe-row.ts";
import { findVerdict } from "./verdict/find-verdict.ts";
import { journeyOf } from "./verdict/journey.ts";

const DEFAULT_BRIDGE = "br-int";

/**
 * Answers a question such as `web1 -> db1 tcp 5432`.
 *
 * @param options - `bridge`: the integration bridge, by default `br-int`
 * @throws QuestionError when the question cannot be read, or names what is not there; IoError when the switch is gone
 * @example
 * const { summary } = await why("web1 -> db1 tcp 5432", sources);
 */
export async function why(question: string, sources: WhySources, options: { readonly bridge?: string } = {}): Promise<Story> {
  const bridge = options.bridge ?? DEFAULT_BRIDGE;
  const network = new Network(sources.nb, sources.vswitch);
  const parsed = parseQuestion(question);
  const packet = parsed.kind === "packet" ? resolvePacket(parsed, question, network, bridge) : undefined;
  const flow = parsed.kind === "flow" ? checkedFlow(parsed, question, network) : (packet?.flow ?? "");
  const trace = await sources.trace(bridge, flow);
  return tell(question, packet, trace, network, sources);
}

async function tell(
  question: string,
  packet: Packet | undefined,
  trace: Awaited<ReturnType<WhySources["trace"]>>,
  network: Network,
  sources: WhySources,
): Promise<Story> {
  const southbound = new SouthboundLinks(sources.sb, trace.steps);
  const northbound = new NorthboundLinks(sources.nb);
  const steps = linkSteps(trace.steps, trace.bridge, southbound, northbound);
  const journey = journeyOf(steps, trace, southbound);
  const { verdict, summary, cause, because } = findVerdict({ packet, trace, journey, network, southbound, northbound });
  const found =
    cause === undefined ? {} : { cause: await causeOf(cause, describeRow(cause, northbound), sources[cause.database], because) };
  return { question, verdict, summary, ...found, megaflow: trace.megaflow, layers: layersOf(steps) };
}

/** A flow that reads, so that its faults show their place in the question. */
function checkedFlow({ flow }: FlowQuestion, question: string, network: Network): string {
  try {
    parseMatch(flow.text, { portByName: network.portNumbers(), file: "question" });
    return flow.text;
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    const { expected, hint } = error;
    const problem = error.message.replace(/^question:\d+:\d+: /, "").replace(/; expected .*$/s, "");
    throw new QuestionError(problem, question, {
      at: flow.at + error.at.column - 1,
      cause: error,
      ...(expected === undefined ? {} : { expected }),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
