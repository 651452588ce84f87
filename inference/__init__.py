"""Reading aortic plaque in transesophageal echo: phantom, models, training and prediction, without any web code."""

from __future__ import annotations

__version__ = "0.1.0"
