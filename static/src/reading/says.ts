/** What the protocol's form and the preview in its frame say to each other. */
import type { TrialGiven } from "./types.ts";

export type ToPreview = { preview: "form"; given: TrialGiven } | { preview: "guide"; open: boolean };
/** `back`: the keys shall go to the form again; `moved`: the guide is open or closed now. */
export type FromPreview = { preview: "ready" | "shown" | "moved" | "back" } | { preview: "refused"; words: string };

/** Whether a message is one of these, from the window that it must come from. */
export function isFrom(event: MessageEvent<unknown>, source: Window | null): boolean {
  return event.source === source && event.origin === window.location.origin && typeof event.data === "object" && event.data !== null && "preview" in event.data;
}
