/** Assembly that reverses the tuple on the stack, as `reverseTuple` does in this process. */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { keep, recall, TRACKING, tupleAt } from "./tracking-stack.ts";

/** Types of questions and of answers. */
const QUESTION = { [IP_PROTO.icmp]: 8, [IP_PROTO.icmp6]: 128 } as const;
const ANSWER = { [IP_PROTO.icmp]: 0, [IP_PROTO.icmp6]: 129 } as const;

/** Makes the tuple at hand that of the answers, or of what they answer; `name` tells the place from others. */
export function reverseTuple(name: string): Code {
  const [icmp, done] = [`ct-reverse-icmp-${name}`, `ct-reversed-${name}`];
  return [
    [0, 1, 2, 3].map((i) => [
      [recall("r1", tupleAt("src", i)), recall("r2", tupleAt("dst", i))],
      [keep(tupleAt("src", i), "r2"), keep(tupleAt("dst", i), "r1")],
    ]),
    [recall("r1", tupleAt("ports")), recall("r2", TRACKING.proto)],
    [asm.branch("r2", "==", IP_PROTO.icmp, icmp), asm.branch("r2", "==", IP_PROTO.icmp6, icmp)],
    [asm.mov32("r2", "r1"), asm.lsh32("r1", 16), asm.rsh32("r2", 16), asm.or32("r1", "r2"), asm.jump(done)],
    // The types of a question and of its answer differ by one bit.
    [
      asm.label(icmp),
      asm.mov("r3", (QUESTION[IP_PROTO.icmp] ^ ANSWER[IP_PROTO.icmp]) << 16),
      asm.branch("r2", "==", IP_PROTO.icmp, `${icmp}-4`),
    ],
    [asm.mov("r3", (QUESTION[IP_PROTO.icmp6] ^ ANSWER[IP_PROTO.icmp6]) << 16), asm.label(`${icmp}-4`), asm.xor32("r1", "r3")],
    [asm.label(done), keep(tupleAt("ports"), "r1")],
  ];
}
