from __future__ import annotations

from django.db import migrations

from plaqueweb.core.immutable import refuse

ANSWERED_BLIND = (
    "EXISTS (SELECT 1 FROM review_adjudication a JOIN review_blindanswer b ON b.adjudication_id = a.id "
    "WHERE a.id = NEW.adjudication_id AND a.case_id = NEW.case_id)"
)
NOT_FROM_READERS = (
    f"(NEW.kind = 'adjudicated' AND NOT {ANSWERED_BLIND}) "
    "OR (NEW.kind = 'agreed' AND (NEW.by_id IS NOT NULL OR NEW.adjudication_id IS NOT NULL))"
)


class Migration(migrations.Migration):
    dependencies = [("review", "0006_error_review")]
    operations = [
        refuse("review_errorreview", on="UPDATE", message="an error review is never edited; the last one counts"),
        refuse("review_errorreview", on="DELETE", message="an error review is never taken back; the last one counts"),
        refuse("review_consensus", on="DELETE", message="a reference is never taken back; a change is a new revision"),
        # Discrepant analysis: no other path, and so no look at a model, may make a reference.
        refuse(
            "review_consensus",
            on="INSERT",
            when=NOT_FROM_READERS,
            message="a reference comes from the readers, or from an adjudication that was answered blind",
        ),
    ]
