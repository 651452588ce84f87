/**
 * Sends for the case and then for its first picture, while the rest of the page is still being read.
 *
 * A script of its own, first in the page: on a slow line the way of the case and of the picture is what one waits for,
 * not the scripts, which are kept.
 */
import { ApiError, get, post } from "../viewer/api.ts";
import { fetchEarly } from "../viewer/early.ts";
import { placeOf } from "./place.ts";
import type { Assignment } from "./types.ts";

const API = "/api/v1";

/** Open the case; one that cannot be opened any more (signed, skipped) is shown as it is. */
async function openAssignment(publicId: string): Promise<Assignment> {
  try {
    return await post<Assignment>(`${API}/assignments/${publicId}/open/`);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
    const found = await get<Assignment>(`${API}/assignments/${publicId}/`);
    if (!found.read) throw error;
    return found;
  }
}

async function firstPicture(opening: Promise<Assignment>): Promise<void> {
  const assignment = await opening;
  const place = placeOf(assignment);
  const clip = assignment.clips.find((row) => row.id === place?.clip);
  if (clip && place) fetchEarly(clip.frame_url.replace("{n}", String(place.frame)));
}

const id = document.getElementById("reading")?.dataset["publicId"];

/** The case of this page, on its way; null on a throw-away test read, which has none. */
export const opening = id ? openAssignment(id) : null;
// What goes wrong is said where the case and the picture are shown.
if (opening) firstPicture(opening).catch(() => undefined);
