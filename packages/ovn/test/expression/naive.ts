/** The thirty-line oracle: a match evaluated on a packet, straight from its syntax tree. */
import type { Expression, MatchContext, Operand } from "@tenet/ovn";

export function evaluate(node: Expression, packet: Uint32Array, context: MatchContext, isPositive = true): boolean {
  switch (node.type) {
    case "boolean":
      return node.value === isPositive;
    case "not":
      return evaluate(node.part, packet, context, !isPositive);
    case "resident":
      return context.isResident(node.port) === isPositive;
    case "predicate":
      return evaluate(node.symbol.expansion, packet, context, isPositive);
    case "and":
    case "or":
      return (node.type === "and") === isPositive
        ? node.parts.every((part) => evaluate(part, packet, context, isPositive))
        : node.parts.some((part) => evaluate(part, packet, context, isPositive));
    default: {
      const { prerequisite } = node.operand.symbol;
      if (prerequisite !== undefined && !evaluate(prerequisite, packet, context)) return false;
      const field = read(packet, node.operand);
      const equals = node.constants.some((constant) => {
        if (constant.type === "string") return context.portKey(constant.value, node.operand.symbol.name) === Number(field);
        if (constant.type !== "integer") throw new TypeError("sets are tested elsewhere");
        return ((field ^ constant.value) & (constant.mask ?? -1n)) === 0n;
      });
      const [first] = node.constants;
      const bound = first?.type === "integer" ? first.value : 0n;
      const table = {
        "==": equals,
        "!=": !equals,
        "<": field < bound,
        "<=": field <= bound,
        ">": field > bound,
        ">=": field >= bound,
      };
      return table[node.relation] === isPositive;
    }
  }
}

function read(packet: Uint32Array, { symbol, start, nBits }: Operand): bigint {
  const { word, nWords, shift } = symbol.bits;
  let all = 0n;
  for (let i = 0; i < nWords; i++) all = (all << 32n) | BigInt(packet[word + i] ?? 0);
  return (all >> BigInt(shift + start)) & ((1n << BigInt(nBits)) - 1n);
}
