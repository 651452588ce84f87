from __future__ import annotations

from django.db import migrations

from plaqueweb.core.immutable import refuse


class Migration(migrations.Migration):
    dependencies = [("review", "0001_initial")]
    operations = [
        refuse("review_consensus", on="UPDATE", message="a consensus is never edited; a change is a new revision"),
        refuse("review_differencenote", on="UPDATE", message="a note is never edited; the last one counts"),
    ]
