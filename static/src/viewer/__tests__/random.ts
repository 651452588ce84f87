/** Shapes and numbers that vary from run to run of a test, but are the same for the same seed. */
import type { Shape } from "../shape.ts";

/** mulberry32: uniform in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Some discs in a box of 24 to 48 pixels, with holes punched. */
export function randomShape(random: () => number): Shape {
  const width = 24 + Math.floor(random() * 24);
  const height = 24 + Math.floor(random() * 24);
  const bits = new Uint8Array(width * height);
  const disc = (value: number, most: number): void => {
    const [x, y, r] = [random() * width, random() * height, 1 + random() * most];
    for (let i = 0; i < bits.length; i++) if (Math.hypot((i % width) - x, Math.floor(i / width) - y) <= r) bits[i] = value;
  };
  for (let n = 0; n < 1 + random() * 4; n++) disc(1, 9);
  for (let n = 0; n < random() * 5; n++) disc(0, 3);
  if (!bits.includes(1)) bits[Math.floor(random() * bits.length)] = 1;
  const [x0, y0] = [Math.floor(random() * 50), Math.floor(random() * 50)];
  return { box: { x0, y0, x1: x0 + width, y1: y0 + height }, bits };
}

/** Run a rule over many shapes; the seed of a failure stands in its message. */
export function forShapes(rule: (shape: Shape, random: () => number) => void, runs = 60): void {
  for (let seed = 1; seed <= runs; seed++) {
    const random = randomFrom(seed);
    try {
      rule(randomShape(random), random);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}
