from __future__ import annotations

from django.db import migrations

from plaqueweb.core.immutable import refuse


class Migration(migrations.Migration):
    dependencies = [("review", "0008_mask_references")]
    operations = [
        refuse(
            "review_maskreference",
            on="UPDATE",
            when="NEW.rle IS NOT NULL OR NEW.input_hash <> OLD.input_hash OR NEW.method <> OLD.method",
            message="a fused mask is never edited; other inputs are another one (it may be erased)",
        ),
    ]
