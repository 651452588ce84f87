/** Grey values of a decoded picture, for tools that look at them. Of the file, whatever the window shows. */
import { calmGrey } from "./shape.ts";

const known = new WeakMap<ImageBitmap, Uint8Array>();

/** Luma (BT.601) of every pixel, row-major; read once a picture. Null where the browser gives no canvas. */
export function greyOf(picture: ImageBitmap): Uint8Array | null {
  const ready = known.get(picture);
  if (ready) return ready;
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  if (!ctx) return null;
  ctx.drawImage(picture, 0, 0);
  const { data } = ctx.getImageData(0, 0, picture.width, picture.height);
  const grey = new Uint8Array(picture.width * picture.height);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = (299 * (data[4 * i] ?? 0) + 587 * (data[4 * i + 1] ?? 0) + 114 * (data[4 * i + 2] ?? 0) + 500) / 1000;
  }
  known.set(picture, grey);
  return grey;
}

const calm = new WeakMap<Uint8Array, Uint8Array>();

/** The same without speckle (mean of 3 × 3), made once a picture. */
export function calmOf(picture: ImageBitmap): Uint8Array | null {
  const grey = greyOf(picture);
  if (!grey) return null;
  let ready = calm.get(grey);
  if (!ready) {
    ready = calmGrey(grey, picture.width);
    calm.set(grey, ready);
  }
  return ready;
}
