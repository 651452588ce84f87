import { expect, test } from "vitest";
import { Sections } from "../sections.ts";

const sections = (): Sections => {
  const made = new Sections((sha256) => `/guide/${sha256}/`);
  made.load([{ title: "Quality", about: "quality", text: "Good.", pictures: [{ sha256: "a", caption: "A", alt: "one", url: "" }, { sha256: "b", caption: "", alt: "two", url: "" }] }, { title: "Mobile" }]);
  return made;
};
const titles = (made: Sections): string[] => made.list.map(({ title }) => title);

test("what comes is what goes, with the address of each picture beside it", () => {
  const made = sections();
  expect(made.list[0]?.pictures.map(({ url }) => url)).toEqual(["/guide/a/", "/guide/b/"]);
  expect(made.wire()).toEqual([
    { title: "Quality", about: "quality", text: "Good.", pictures: [{ sha256: "a", caption: "A", alt: "one" }, { sha256: "b", caption: "", alt: "two" }] },
    { title: "Mobile", about: "", text: "", pictures: [] },
  ]);
});

test("moving stops at both ends", () => {
  const made = sections();
  const [first, second] = made.list.map(({ id }) => id);
  expect(made.move(first ?? 0, -1)).toBe(false);
  expect(made.move(second ?? 0, -1)).toBe(true);
  expect(titles(made)).toEqual(["Mobile", "Quality"]);
  expect(made.move(first ?? 0, 1)).toBe(false);
});

test("undo brings back sections and pictures, the last first, also a picture whose section went after it", () => {
  const made = sections();
  const id = made.list[0]?.id ?? 0;
  made.removePicture(id, 0);
  made.remove(id);
  made.add({ title: "New" });
  expect(made.undoable?.words).toBe("Quality");
  made.undo();
  expect(titles(made)).toEqual(["Quality", "Mobile", "New"]);
  expect(made.undoable?.words).toBe("A");
  made.undo();
  expect(made.list[0]?.pictures.map(({ sha256 }) => sha256)).toEqual(["a", "b"]);
  expect(made.undoable).toBeNull();
});

test("previews what can be read already: a title with a text, or with a picture that says what it shows", () => {
  const made = sections();
  made.add({ text: "Only a text" });
  made.add({ title: "Picture", pictures: [{ sha256: "c", caption: "", alt: " ", url: "" }] });
  const bare = made.section(1)?.pictures[1];
  if (bare) bare.alt = "";
  expect(made.finished().map(({ title, pictures }) => [title, pictures.map(({ alt }) => alt)])).toEqual([["Quality", ["one"]]]);
  expect(titles(made)).toHaveLength(4);
});
