"""Training of both networks on the phantom, from a committed configuration."""

from __future__ import annotations
