/** Between the draft and the wire: keys of frames, and what the server computes left out. */
import type { FrameMarks, Lesion, WireFrame } from "./types.ts";

export function keyOf(clip: string, frame: number, region: number): string {
  return `${clip}/${frame}/${region}`;
}

export function isBare(marks: FrameMarks): boolean {
  return marks.extent === null && marks.outline === null && marks.calipers.length === 0;
}

export function marksOf({ clip, frame, region, extent, outline, calipers, sources }: WireFrame): FrameMarks {
  return { clip, frame, region, extent, outline, calipers, sources: sources ?? {} };
}

/** Without what the server computes. */
export function wireLesion(lesion: Lesion): Lesion {
  const { number, segment, is_index, key_clip, key_frame, key_region, ulceration, mobile, thrombus, grade_given } = lesion;
  return { number, segment, is_index, key_clip, key_frame, key_region, ulceration, mobile, thrombus, grade_given };
}
