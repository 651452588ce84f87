from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from inference.training.split import SplitError, check_pictures, prints_of, split_by_subject
from inference.training.table import Row, TableError, read_table, rows_of_pictures
from tests.inference.training.folders import ring, save, write_table

SHARES = (0.6, 0.2, 0.2)


def rows(*subjects: str, split: str = "") -> list[Row]:
    return [Row(f"{subject}-{n}.png", subject, split=split) for subject in subjects for n in range(3)]


def subjects_of(splits: dict[str, list[Row]]) -> dict[str, set[str]]:
    return {name: {row.subject for row in part} for name, part in splits.items()}


def test_subjects_stay_whole_and_the_seed_alone_decides() -> None:
    listed = rows(*(f"s{n}" for n in range(10)))

    first = subjects_of(split_by_subject(listed, shares=SHARES, seed=3))
    again = subjects_of(split_by_subject(listed[::-1], shares=SHARES, seed=3))
    other = subjects_of(split_by_subject(listed, shares=SHARES, seed=4))

    assert [len(first[name]) for name in ("train", "validation", "test")] == [6, 2, 2]
    assert set.union(*first.values()) == {f"s{n}" for n in range(10)}
    assert first == again
    assert first != other


def test_small_shares_still_get_a_subject() -> None:
    splits = subjects_of(split_by_subject(rows("a", "b", "c"), shares=(0.9, 0.05, 0.05), seed=0))

    assert [len(part) for part in splits.values()] == [1, 1, 1]
    with pytest.raises(SplitError, match="each needs one"):
        split_by_subject(rows("a", "b"), shares=SHARES, seed=0)


def test_every_subject_is_tested_in_exactly_one_fold() -> None:
    listed = rows(*"abcdefg")

    folds = [subjects_of(split_by_subject(listed, shares=SHARES, seed=1, folds=5, fold=n)) for n in range(5)]

    assert sorted(subject for fold in folds for subject in fold["test"]) == list("abcdefg")
    assert all(len(fold["train"] | fold["validation"] | fold["test"]) == 7 for fold in folds)
    assert all(not fold["train"] & (fold["validation"] | fold["test"]) for fold in folds)
    with pytest.raises(SplitError, match="as many subjects"):
        split_by_subject(rows("a", "b"), shares=SHARES, seed=1, folds=3)


def test_a_split_in_the_table_holds_and_a_subject_in_two_splits_is_a_leak() -> None:
    given = rows("a", split="train") + rows("b", split="validation")

    assert subjects_of(split_by_subject(given, shares=SHARES, seed=0)) == {
        "train": {"a"}, "validation": {"b"}, "test": set(),
    }  # fmt: skip
    with pytest.raises(SplitError, match="the subject a is in train and in test"):
        split_by_subject([*given, Row("x.png", "a", split="test")], shares=SHARES, seed=0)
    with pytest.raises(SplitError, match="this one does not"):
        split_by_subject([*given, Row("x.png", "c")], shares=SHARES, seed=0)


def jpeg(picture, quality: int):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


COPIES = {
    "the same bytes": lambda p: p.copy(),
    "compressed": lambda p: jpeg(p, 60),
    "smaller": lambda p: np.asarray(Image.fromarray(p).resize((72, 72), Image.Resampling.BOX)),
    "brighter": lambda p: np.clip(p * 1.3 + 8, 0, 255).astype(np.uint8),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_picture_in_another_split_is_a_leak_whatever_was_done_to_it(copy) -> None:
    mine = prints_of(["a.png", "b.png"], [ring(1)[0], ring(2)[0]])
    theirs = prints_of(["c.png", "d.png"], [ring(3)[0], copy(ring(2)[0])])

    with pytest.raises(SplitError, match=r"b\.png in train and d\.png in test"):
        check_pictures({"train": mine, "test": theirs})


def test_pictures_of_equal_vessels_with_other_speckle_are_no_leak() -> None:
    mine = prints_of([f"a{n}" for n in range(12)], [ring(n)[0] for n in range(12)])
    theirs = prints_of([f"b{n}" for n in range(12)], [ring(50 + n)[0] for n in range(12)])

    check_pictures({"train": mine, "validation": theirs})


BAD_ROWS = [
    ({"file": "../a.png"}, "relative to the folder"),
    ({"file": "/etc/a.png"}, "relative to the folder"),
    ({"subject": ""}, "subject is missing"),
    ({"class": "2"}, "class is 0, 1 or empty"),
    ({"row_mm": "0.3"}, "together"),
    ({"row_mm": "nan", "col_mm": "0.3"}, "row_mm must be a number"),
    ({"row_mm": "0", "col_mm": "0.3"}, "between 0.005 and 5"),
    ({"x0": "5", "y0": "0", "x1": "5", "y1": "9"}, "x0 < x1"),
    ({"frame": "0"}, "numbered from 1"),
    ({"frame": "1.5"}, "whole number"),
    ({"split": "tune"}, "train, validation, test"),
    ({"thickness_mm": "-1"}, "between 0 and 100"),
]


@pytest.mark.parametrize("change, why", BAD_ROWS, ids=[why for _, why in BAD_ROWS])
def test_a_bad_row_is_refused_by_its_number_and_rule(change, why, tmp_path) -> None:
    good = {"file": "a.png", "subject": "s", "class": "1"}
    keys = [*good, *(key for key in change if key not in good)]
    write_table(tmp_path / "t.csv", [{key: row.get(key, "") for key in keys} for row in (good, {**good, **change})])

    with pytest.raises(TableError, match=f"row 3.*{why}"):
        read_table(tmp_path / "t.csv")


def test_csv_and_json_tables_say_the_same(tmp_path) -> None:
    row = {"file": "i/a.png", "subject": 7, "class": 0, "row_mm": 0.25, "col_mm": 0.5, "frame": 3, "thickness_mm": 0}
    write_table(tmp_path / "t.csv", [row])
    (tmp_path / "t.json").write_text(json.dumps({"frames": [row]}))

    assert read_table(tmp_path / "t.csv") == read_table(tmp_path / "t.json")
    assert read_table(tmp_path / "t.csv") == [
        Row("i/a.png", "7", frame=3, label=0, thickness_mm=0.0, spacing=(0.25, 0.5))
    ]


def test_without_a_table_the_name_tells_the_subject(tmp_path) -> None:
    for name in ("rec12-1.png", "rec12-2.png", "rec40-1.png"):
        save(tmp_path / "images" / name, ring(1)[0])

    assert [row.subject for row in rows_of_pictures(tmp_path, "images", r"rec(\d+)-")] == ["12", "12", "40"]
    with pytest.raises(TableError, match="does not fit"):
        rows_of_pictures(tmp_path, "images", r"case(\d+)")
    with pytest.raises(TableError, match="group"):
        rows_of_pictures(tmp_path, "images", "rec")
