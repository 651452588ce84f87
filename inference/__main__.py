"""``python -m inference``."""

from __future__ import annotations

import os
import sys

# Before numpy comes in: its helper threads wait spinning, beside networks that need the cores (see inference.hosts).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from inference.cli import main

if __name__ == "__main__":
    sys.exit(main())
