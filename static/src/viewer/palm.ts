/**
 * Palm: which touches count while a pen is about. A hand that rests on the screen comes as touches: while the pen is down,
 * and for a moment after it was last seen, they neither draw nor move the picture. Once a pen was used, a single finger
 * moves the picture and does not draw; without a pen, fingers draw.
 */

/** How long after the pen's last sign a touch is still taken for the hand that holds it, in ms. */
export const PEN_NEAR = 600;
/** A contact wider than this, in CSS pixels, is no fingertip. */
export const PALM_WIDTH = 45;

export type TouchUse = "ignore" | "move" | "draw";

export class Palm {
  private penSeen = -Infinity;
  private penUsed = false;
  private penDown = false;

  /** The pen hovers or touches. */
  pen(at: number, down: boolean): void {
    this.penSeen = at;
    this.penUsed = true;
    this.penDown = down;
  }

  /** What a finger that came down may do. */
  touch(at: number, width: number, height: number): TouchUse {
    if (this.penDown || at - this.penSeen < PEN_NEAR) return "ignore";
    if (Math.max(width, height) > PALM_WIDTH) return "ignore";
    return this.penUsed ? "move" : "draw";
  }
}
