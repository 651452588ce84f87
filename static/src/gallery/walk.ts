/** Arrow keys on a wall of cards: where the next one stands. */

const STEPS: Record<string, (columns: number) => number> = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (columns) => -columns,
  ArrowDown: (columns) => columns,
};

/** The place after a key, or null for a key that does not move; the edges stop. */
export function walk(key: string, at: number, count: number, columns: number): number | null {
  const step = STEPS[key]?.(Math.max(1, columns));
  if (step === undefined || count === 0) return null;
  if (at < 0) return 0;
  const next = at + step;
  return next < 0 || next >= count ? at : next;
}
