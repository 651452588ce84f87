/** Where a case opens. */
import type { Assignment, Place } from "./types.ts";

/** Where a draft was left; else the first frame that the case names, the key frame, the first clip. Null: no clip. */
export function placeOf({ read, frames, clips }: Pick<Assignment, "read" | "frames" | "clips">): Place | null {
  const known = (clip: string | null | undefined): boolean => clips.some((row) => row.id === clip);
  if (read?.place && read.state === "draft" && known(read.place.clip)) return read.place;
  const [given] = frames ?? [];
  if (given) return { clip: given[0], frame: given[1] };
  const index = read?.lesions.find((lesion) => lesion.is_index);
  if (index?.key_clip && known(index.key_clip)) return { clip: index.key_clip, frame: index.key_frame ?? 1 };
  return clips[0] ? { clip: clips[0].id, frame: 1 } : null;
}
