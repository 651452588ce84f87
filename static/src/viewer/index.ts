/** The viewer core: everything a page with pictures imports. */
export * from "./api.ts";
export * from "./calibration.ts";
export * from "./cine.ts";
export * from "./distance.ts";
export * from "./frames.ts";
export * from "./geometry.ts";
export * from "./grey.ts";
export * from "./history.ts";
export * from "./keys.ts";
export * from "./mask.ts";
export * from "./rle.ts";
export * from "./scrub.ts";
export * from "./shape.ts";
export * from "./types.ts";
export * from "./view.ts";
export * from "./viewport.ts";
export { layersBox } from "./paint.ts";
export * from "./words.ts";
