from django.db import migrations, models
from django.db.migrations import RunPython

from plaqueweb.core.immutable import refuse

MESSAGE = "disclosures are only added: what was shown cannot be unseen"
TRIGGERS = [refuse("studies_disclosure", on=event, message=MESSAGE) for event in ("UPDATE", "DELETE")]


class Migration(migrations.Migration):
    dependencies = [("studies", "0003_frozen")]
    operations = [
        # SQLite makes the table anew for a constraint, and its triggers go with the old one.
        *[RunPython(trigger.reverse_code, trigger.code) for trigger in TRIGGERS],
        migrations.RemoveConstraint("disclosure", "disclosure_once"),
        migrations.AlterField(
            "disclosure",
            "kind",
            models.CharField(
                choices=[
                    ("after_each", "after signing this case"),
                    ("all_signed", "after signing all cases"),
                    ("round_closed", "when the round closed"),
                    ("model", "the model’s result, for an answer with it"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            "disclosure",
            models.UniqueConstraint(fields=["user", "study", "round_id", "kind"], name="disclosure_once"),
        ),
        *TRIGGERS,
    ]
