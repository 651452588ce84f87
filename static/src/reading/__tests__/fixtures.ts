/** A case as the pages get it: two clips, the first with a scale that differs by axis. */
import type { Clip } from "../../viewer/index.ts";
import type { Protocol } from "../types.ts";

export const clip: Clip = {
  id: "c1", number: 1, kind: "cine", frames: 12, rows: 80, columns: 100, frame_times_ms: [], stored_as: "png_lossless", synthetic: true,
  segment: "descending", view: "SAX", state: "stored", cine_url: "", frame_url: "",
  regions: [{ id: "r", number: 3, kind: "tissue_2d", x0: 0, y0: 0, x1: 99, y1: 79, row_mm: 0.5, col_mm: 0.25, source: "us_region", valid: true, reason: "", view: "SAX" }],
};

export const protocol: Protocol = {
  version: 1,
  segments: [{ key: "arch", label: "Arch" }, { key: "descending", label: "Descending" }],
  required: ["findings", "class", "quality", "confidence"],
  questions: [], grading: null, guide: null, thickness_from: "caliper_mask", marks: [],
  rule: { version: "v1", thickness_mm: 4, reasons: ["ulceration", "mobile", "thrombus"], words: "" },
};
