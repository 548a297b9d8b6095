/**
 * Why a packet fares as it does: the question becomes a packet, the switch traces it without sending it, and every
 * step is followed up through cookies, UUIDs and hints to the row and the transaction that decided.
 */
import { SourceError } from "@tenet/kit";
import { parseMatch } from "@tenet/openflow";
import { type LinkedStep, layersOf, linkSteps } from "./links/link-steps.ts";
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
import { hasArrived, type Scene } from "./verdict/scene.ts";

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
  const traced = await traceScene(flow, packet, network, bridge, sources);
  const { verdict, summary, cause, because } = findVerdict(traced.scene);
  const { northbound, trace } = traced.scene;
  const found =
    cause === undefined ? {} : { cause: await causeOf(cause, describeRow(cause, northbound), sources[cause.database], because) };
  const back = await answerTrouble(traced.scene, bridge, sources);
  return { question, verdict, summary: summary + back, ...found, megaflow: trace.megaflow, layers: layersOf(traced.steps) };
}

/** A packet that arrives is of little use when its answer does not: a sentence about that, or nothing. */
async function answerTrouble(scene: Scene, bridge: string, sources: WhySources): Promise<string> {
  const answer = scene.packet?.answer;
  if (answer === undefined || !hasArrived(scene)) return "";
  const { scene: back } = await traceScene(answer.flow, answer, scene.network, bridge, sources);
  return hasArrived(back) ? "" : ` But ${findVerdict(back).summary}`;
}

/** Traces a flow and links what it met. */
async function traceScene(
  flow: string,
  packet: Packet | undefined,
  network: Network,
  bridge: string,
  sources: WhySources,
): Promise<{ readonly scene: Scene; readonly steps: readonly LinkedStep[] }> {
  const trace = await sources.trace(bridge, flow);
  const southbound = new SouthboundLinks(sources.sb, trace.steps);
  const northbound = new NorthboundLinks(sources.nb);
  const steps = linkSteps(trace.steps, trace.bridge, southbound, northbound);
  const journey = journeyOf(steps, trace, southbound);
  return { scene: { packet, trace, journey, network, southbound, northbound }, steps };
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
