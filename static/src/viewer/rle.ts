/** Run-length coding of masks as the API speaks it: row-major, the run of zeros first, runs sum to rows × cols. */

export interface Rle {
  size: [number, number];
  rle: number[];
}

/** Runs of the pixels that carry `label` (of every non-zero pixel when `label` is 0). */
export function encodeRle(labels: Uint8Array, label = 0): number[] {
  const runs: number[] = [];
  let inside = false;
  let start = 0;
  for (let i = 0; i < labels.length; i++) {
    const here = label === 0 ? labels[i] !== 0 : labels[i] === label;
    if (here !== inside) {
      runs.push(i - start);
      start = i;
      inside = here;
    }
  }
  runs.push(labels.length - start);
  return runs;
}

/** Write the runs into `into` as `label`; pixels outside the runs stay as they are. Throws RangeError when the sum is wrong. */
export function decodeRle(runs: readonly number[], into: Uint8Array, label = 1): Uint8Array {
  let total = 0;
  for (const run of runs) {
    if (!Number.isInteger(run) || run < 0) throw new RangeError(`mask-rle: ${run} is not a run length`);
    total += run;
  }
  if (total !== into.length) throw new RangeError(`mask-rle: runs sum to ${total}, the picture has ${into.length} pixels`);
  let at = 0;
  for (let i = 0; i < runs.length; i++) {
    const end = at + (runs[i] ?? 0);
    if (i % 2 === 1) into.fill(label, at, end);
    at = end;
  }
  return into;
}

/** A label map out of the masks of one frame, keyed by lesion number. */
export function labelsFromMasks(masks: Record<string, Rle>, rows: number, cols: number): Uint8Array {
  const labels = new Uint8Array(rows * cols);
  for (const [number, mask] of Object.entries(masks)) {
    if (mask.size[0] !== rows || mask.size[1] !== cols) {
      throw new RangeError(`mask-size: ${mask.size[0]} × ${mask.size[1]}, the picture is ${rows} × ${cols}`);
    }
    decodeRle(mask.rle, labels, Number(number));
  }
  return labels;
}
