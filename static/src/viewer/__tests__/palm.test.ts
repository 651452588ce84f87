import { describe, expect, it } from "vitest";
import { PALM_WIDTH, PEN_NEAR, Palm } from "../palm.ts";

describe("a finger", () => {
  it("draws where no pen was ever seen, but a palm does nothing", () => {
    const palm = new Palm();
    expect(palm.touch(0, 12, 14)).toBe("draw");
    expect(palm.touch(0, 20, PALM_WIDTH + 1)).toBe("ignore");
  });

  it("does nothing while the pen is down, however long it rests, nor just after it was seen", () => {
    const palm = new Palm();
    palm.pen(100, true);
    expect(palm.touch(100 + 20 * PEN_NEAR, 12, 12)).toBe("ignore");
    palm.pen(200, false);
    expect(palm.touch(200 + PEN_NEAR - 1, 12, 12)).toBe("ignore");
  });

  it("moves the picture once a pen is in use, and never draws", () => {
    const palm = new Palm();
    palm.pen(0, false);
    expect(palm.touch(PEN_NEAR, 12, 12)).toBe("move");
  });
});
