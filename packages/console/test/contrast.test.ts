/** The page's colours against WCAG 2.2, level AA: 4.5:1 for text, 3:1 for what only marks. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

type Palette = Readonly<Record<string, string>>;

const [LIGHT = {}, DARK = {}] = palettes(readFileSync(new URL("../src/styles/base.css", import.meta.url), "utf8"));
const GROUNDS = ["panel", "sunken", "ground", "accent-soft"];
const TEXTS = [
  ...["text", "muted", "accent", "good", "bad", "warning"].map((ink) => ({ ink, grounds: GROUNDS })),
  ...["text", "muted"].map((ink) => ({ ink, grounds: ["good-soft", "bad-soft", "warning-soft"] })),
  ...["good", "bad", "warning"].map((ink) => ({ ink, grounds: [`${ink}-soft`] })),
  { ink: "on-accent", grounds: ["accent", "bad", "warning"] },
];
const MARKS = [
  { ink: "control-line", grounds: ["panel", "sunken"] },
  { ink: "accent", grounds: ["panel", "sunken", "ground", "good-soft", "bad-soft"] },
];

test.each([
  ["light", LIGHT],
  ["dark", DARK],
])("every text and every mark stands out in the %s scheme", (_scheme, palette) => {
  const tooFaint = [...faintOn(palette, TEXTS, 4.5), ...faintOn(palette, MARKS, 3)];
  expect(tooFaint).toEqual([]);
});

test("the measure itself knows black on white and white on white", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
  expect(contrast("#ffffff", "#ffffff")).toBe(1);
});

function faintOn(palette: Palette, pairs: readonly { ink: string; grounds: readonly string[] }[], least: number): string[] {
  return pairs.flatMap(({ ink, grounds }) =>
    grounds.flatMap((ground) => {
      const ratio = contrast(colourOf(palette, ink), colourOf(palette, ground));
      return ratio >= least ? [] : [`${ink} on ${ground}: ${ratio.toFixed(2)}`];
    }),
  );
}

function colourOf(palette: Palette, name: string): string {
  const colour = palette[name];
  if (colour === undefined) throw new Error(`no colour is called "${name}"`);
  return colour;
}

/** The custom properties of each `:root`; a later one overrides the first. */
function palettes(css: string): Palette[] {
  const blocks = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block = ""]) =>
    Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = "", colour = ""]) => [name, colour])),
  );
  return blocks.map((block) => ({ ...blocks[0], ...block }));
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
