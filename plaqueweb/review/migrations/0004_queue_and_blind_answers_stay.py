from __future__ import annotations

from typing import Any

from django.db import migrations

from plaqueweb.core.immutable import refuse


def queue_what_waits(apps: Any, schema_editor: Any) -> None:
    """Cases that waited for an adjudicator before there was a queue enter it by the rules that had brought them."""
    case, entry = apps.get_model("review", "Case"), apps.get_model("review", "QueueEntry")
    waiting = case.objects.filter(state="discordant", queue_entry__isnull=True)
    entry.objects.bulk_create(entry(case=row, trigger="rules") for row in waiting)


class Migration(migrations.Migration):
    dependencies = [("review", "0003_adjudication")]
    operations = [
        migrations.RunPython(queue_what_waits, migrations.RunPython.noop),
        refuse("review_queueentry", on="UPDATE", message="how a case entered the queue is never edited"),
        refuse("review_blindanswer", on="UPDATE", message="a blind answer is never edited"),
    ]
