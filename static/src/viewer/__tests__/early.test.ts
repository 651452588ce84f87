import { afterEach, describe, expect, it, vi } from "vitest";
import { fetchEarly, fetchPicture, takeEarly } from "../early.ts";

afterEach(() => vi.unstubAllGlobals());

describe("a picture sent for early", () => {
  it("is fetched once and taken once", async () => {
    const fetched = vi.fn(() => Promise.resolve(new Response("pixels")));
    vi.stubGlobal("fetch", fetched);
    fetchEarly("/frames/1/");
    expect(await (await takeEarly("/frames/1/"))?.text()).toBe("pixels");
    expect(takeEarly("/frames/1/")).toBeUndefined();
    expect(takeEarly("/frames/2/")).toBeUndefined();
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it("tells who takes it in time that it did not come, and is asked for again later", async () => {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("", { status: 404, statusText: "Not Found" })));
    fetchEarly("/frames/1/");
    await expect(takeEarly("/frames/1/")).rejects.toThrow("404 Not Found");
    fetchEarly("/frames/3/");
    await new Promise((resolve) => setTimeout(resolve));
    expect(takeEarly("/frames/3/")).toBeUndefined();
    await expect(fetchPicture("/frames/3/")).rejects.toThrow("404 Not Found");
  });
});
