"""The process that decodes one picture of a reading guide: locked down like the intake child, and gone afterwards.

Reads the bytes from standard input; writes one line of JSON (``ok``, ``rule``, ``width``, ``height``, ``type``), then
the picture anew: upright, at most ``GUIDE_PICTURE_SIDE`` on its longer side, without EXIF or any other metadata, as
PNG or JPEG, whichever is smaller.
"""

from __future__ import annotations

import io
import json
import sys
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from plaqueweb.core import limits
from plaqueweb.ingest import confine
from plaqueweb.ingest.report import ChildLimits

FORMATS = ("PNG", "JPEG", "WEBP")
LIMITS = ChildLimits(memory_mb=1024, cpu_s=20, wall_s=30.0, out_mb=64)
QUALITY = 90


class Refused(Exception):
    """A picture that is not taken; its argument is the rule."""


def repaint(data: bytes) -> tuple[dict[str, object], bytes]:
    """Return what is told of a picture (see above), and its new bytes.

    Raises:
        Refused: ``guide-picture-`` and one of ``format``, ``large``, ``animated``, ``broken``.
    """
    Image.MAX_IMAGE_PIXELS = limits.GUIDE_PICTURE_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > limits.GUIDE_PICTURE_PIXELS:
                    raise Refused("guide-picture-large")
                if getattr(image, "n_frames", 1) != 1:
                    raise Refused("guide-picture-animated")
                made = _plain(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("guide-picture-large") from None
    except UnidentifiedImageError:
        raise Refused("guide-picture-format") from None
    except (OSError, ValueError, SyntaxError, TypeError, EOFError, MemoryError, Warning):
        raise Refused("guide-picture-broken") from None
    made.thumbnail((limits.GUIDE_PICTURE_SIDE, limits.GUIDE_PICTURE_SIDE), Image.Resampling.LANCZOS)
    ways = {"image/png": _encoded(made, "PNG", optimize=True), "image/jpeg": _encoded(made, "JPEG", quality=QUALITY)}
    kind = min(ways, key=lambda name: len(ways[name]))
    return {"width": made.width, "height": made.height, "type": kind}, ways[kind]


def _plain(image: Image.Image) -> Image.Image:
    """Grey or RGB without anything else: transparency is laid over black, the ground that pictures have here."""
    if image.mode in ("I;16", "I;16B", "I"):
        return image.convert("I").point(lambda grey: grey / 256).convert("L")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", coloured.size, (0, 0, 0, 255)), coloured).convert("RGB")
    plain = image.convert("L" if image.mode in ("1", "L") else "RGB")
    plain.info.clear()
    return plain


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def main() -> int:
    """Answer for the one picture on standard input."""
    confine.forbid_new_rights()
    confine.drop_network()
    Image.preinit()
    data = sys.stdin.buffer.read()
    confine.set_limits(LIMITS)
    try:
        told, picture = repaint(data)
        told["ok"] = True
    except Refused as refused:
        told, picture = {"ok": False, "rule": str(refused)}, b""
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + picture)
    return 0
