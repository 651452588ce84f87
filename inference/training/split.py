"""Splits by subject, and the check that nothing leaks from one split into another."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from inference.training.table import SPLIT_NAMES, Row

Bytes = NDArray[np.uint8]
_THUMB = 64
_HASH = 16
"""The hash keeps 16 x 16 low frequencies of a 64 x 64 thumbnail."""
_NEAR_BITS = 40
"""Of 255: pictures this near are compared pixel by pixel. Unrelated pictures differ in about 127."""
_SAME = 0.8
"""Correlation of the fine structure from which two pictures are one. Speckle is a fingerprint: two examinations, even
of the same organ with the same scanner, stay far below; a scaled, brightened or compressed copy stays above."""
_FINE_SIGMA = 3.0


class SplitError(ValueError):
    """Data that cannot be split by subject, or that leaks; the text names the rule and an example."""


def split_by_subject(
    rows: Sequence[Row],
    *,
    shares: tuple[float, float, float],
    seed: int,
    folds: int = 0,
    fold: int = 0,
) -> dict[str, list[Row]]:
    """Rows by split. A split given in the table holds; otherwise subjects are drawn.

    With ``folds``, the subjects are dealt into so many folds: ``fold`` is the test split, the next one the validation
    split. Without, ``shares`` of the subjects go to train, validation and test (each with a share above 0 gets one).
    The same subjects and seed give the same splits, in whatever order the rows stand.

    Raises SplitError where a subject is in two splits, only some rows name a split, or there are too few subjects.
    """
    given = {row.split for row in rows}
    if given != {""}:
        return _given(rows)
    subjects = sorted({row.subject for row in rows})
    order = [subjects[n] for n in np.random.default_rng((seed, 7)).permutation(len(subjects))]
    home = _dealt(order, folds, fold) if folds else _shared(order, shares)
    out: dict[str, list[Row]] = {name: [] for name in SPLIT_NAMES}
    for row in rows:
        out[home[row.subject]].append(row)
    return out


def _given(rows: Sequence[Row]) -> dict[str, list[Row]]:
    out: dict[str, list[Row]] = {name: [] for name in SPLIT_NAMES}
    for row in rows:
        if not row.split:
            raise SplitError(f"{row.file}: some rows name a split, this one does not; give it to all, or to none.")
        out[row.split].append(row)
    check_subjects({name: [row.subject for row in part] for name, part in out.items()})
    for name in SPLIT_NAMES[:2]:
        if not out[name]:
            raise SplitError(f"The table gives no subject to {name}.")
    return out


def _dealt(order: Sequence[str], folds: int, fold: int) -> dict[str, str]:
    if folds < 3 or len(order) < folds:
        raise SplitError(f"{folds} folds need at least 3 folds and as many subjects; there are {len(order)} subjects.")
    if not 0 <= fold < folds:
        raise SplitError(f"The fold is a number from 0 to {folds - 1}; this is {fold}.")
    names = {fold: "test", (fold + 1) % folds: "validation"}
    return {subject: names.get(number % folds, "train") for number, subject in enumerate(order)}


def _shared(order: Sequence[str], shares: tuple[float, float, float]) -> dict[str, str]:
    wanted = [name for name, share in zip(SPLIT_NAMES, shares, strict=True) if share > 0]
    if len(order) < len(wanted):
        raise SplitError(f"{len(order)} subjects cannot be split into {', '.join(wanted)}: each needs one at least.")
    total = len(order)
    counts = {name: int(share > 0) for name, share in zip(SPLIT_NAMES, shares, strict=True)}
    ideal = {name: share * total for name, share in zip(SPLIT_NAMES, shares, strict=True)}
    while sum(counts.values()) < total:
        neediest = max(wanted, key=lambda name: ideal[name] - counts[name])
        counts[neediest] += 1
    names = [name for name in SPLIT_NAMES for _ in range(counts[name])]
    return dict(zip(order, names, strict=True))


def check_subjects(splits: Mapping[str, Iterable[str]]) -> None:
    """Raise SplitError where a subject is in two splits."""
    seen: dict[str, str] = {}
    for name, subjects in splits.items():
        for subject in sorted(set(subjects)):
            if subject in seen:
                raise SplitError(
                    f"Leak: the subject {subject} is in {seen[subject]} and in {name}; splits must be by subject."
                )
            seen[subject] = name


@dataclass(frozen=True)
class Prints:
    """What the leak check keeps of a split: per picture its name, the digest of its bytes, a perceptual hash (n, 32)
    as packed bits, that of its mirror image, and its fine structure (n, 4096), centred and of unit length."""

    names: tuple[str, ...]
    digests: tuple[bytes, ...]
    hashes: Bytes
    mirrored: Bytes
    fine: NDArray[np.float32]


def prints_of(names: Sequence[str], pictures: Sequence[Bytes]) -> Prints:
    """Fingerprints of grey pictures uint8 (rows, columns); a picture that comes twice is kept once."""
    kept: dict[bytes, tuple[str, Bytes]] = {}
    for name, picture in zip(names, pictures, strict=True):
        header = repr(picture.shape).encode()
        digest = hashlib.blake2b(header + np.ascontiguousarray(picture).tobytes(), digest_size=16).digest()
        kept.setdefault(digest, (name, picture))
    thumbs = [_thumbnail(picture) for _, picture in kept.values()]
    empty = np.zeros((0, _HASH * _HASH // 8), dtype=np.uint8)
    return Prints(
        tuple(name for name, _ in kept.values()),
        tuple(kept),
        np.stack([_hash(thumb) for thumb in thumbs]) if thumbs else empty,
        np.stack([_hash(thumb[:, ::-1]) for thumb in thumbs]) if thumbs else empty,
        np.stack([_fine(thumb) for thumb in thumbs]) if thumbs else np.zeros((0, _THUMB * _THUMB), dtype=np.float32),
    )


def check_pictures(splits: Mapping[str, Prints]) -> None:
    """Raise SplitError where a picture, or a near copy of it (scaled, brightened, compressed, mirrored), is in two
    splits."""
    names = list(splits)
    for n, first in enumerate(names):
        for second in names[n + 1 :]:
            a, b = splits[first], splits[second]
            shared = set(a.digests) & set(b.digests)
            if shared:
                one, two = (p.names[p.digests.index(min(shared))] for p in (a, b))
                raise SplitError(f"Leak: {one} in {first} and {two} in {second} are the same picture.")
            near = _near(a, b)
            if near is not None:
                one, two, alike = near
                raise SplitError(
                    f"Leak: {one} in {first} and {two} in {second} are nearly the same picture (fine structure "
                    f"correlates by {alike:.2f}); give both the same subject, or remove one."
                )


def _near(a: Prints, b: Prints) -> tuple[str, str, float] | None:
    for mirrored in (False, True):
        theirs = b.mirrored if mirrored else b.hashes
        fine = b.fine.reshape(-1, _THUMB, _THUMB)[:, :, ::-1].reshape(len(b.fine), -1) if mirrored else b.fine
        for n, name in enumerate(a.names):
            apart = np.bitwise_count(a.hashes[n] ^ theirs).sum(axis=1, dtype=np.int64)
            for m in np.flatnonzero(apart <= _NEAR_BITS):
                alike = float(a.fine[n] @ fine[m])
                if alike >= _SAME:
                    return name, b.names[int(m)], alike
    return None


def _thumbnail(picture: Bytes) -> NDArray[np.float32]:
    """64 x 64 by area: enlarged where needed, then averaged."""
    rows, columns = picture.shape
    values = picture.astype(np.float32)
    factor = (max(1, -(-_THUMB // rows)), max(1, -(-_THUMB // columns)))
    values = np.repeat(np.repeat(values, factor[0], axis=0), factor[1], axis=1)
    for axis in (0, 1):
        size = values.shape[axis]
        total = np.concatenate((np.zeros_like(values.take([0], axis)), np.cumsum(values, axis, dtype=np.float64)), axis)
        at = np.linspace(0, size, _THUMB + 1)
        low = np.minimum(at.astype(np.intp), size - 1)
        part = np.expand_dims(at - low, 1 - axis)
        edges = total.take(low, axis) * (1 - part) + total.take(low + 1, axis) * part
        values = (np.diff(edges, axis=axis) * (_THUMB / size)).astype(np.float32)
    return values


def _hash(thumb: NDArray[np.float32]) -> Bytes:
    """Signs of the low frequencies against their median, packed (pHash: Zauner, 2010)."""
    low = np.asarray(fft.dctn(thumb, norm="ortho"))[:_HASH, :_HASH].ravel()
    return np.packbits(low > np.median(low[1:]))


def _fine(thumb: NDArray[np.float32]) -> NDArray[np.float32]:
    """The thumbnail less its blurred self, over the local spread: what a change of gain does not move."""
    detail = thumb - ndimage.gaussian_filter(thumb, _FINE_SIGMA)
    spread = np.sqrt(ndimage.gaussian_filter(detail * detail, _FINE_SIGMA)) + 2.0
    flat = (detail / spread).ravel()
    flat = flat - flat.mean()
    length = float(np.linalg.norm(flat))
    return np.asarray(flat / length if length > 0 else flat, dtype=np.float32)


def counts_of(rows: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, int]]:
    """Subjects, frames and frames of each class of every split, for the card."""
    out = {}
    for name, part in rows.items():
        classes = Counter("none" if row.label is None else str(row.label) for row in part)
        out[name] = {"subjects": len({row.subject for row in part}), "frames": len(part)}
        out[name] |= {f"class_{key}": classes[key] for key in sorted(classes)}
    return out
