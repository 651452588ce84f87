from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reads", "0010_grades")]
    operations = [
        # Of reads null and without a default: SQLite then adds the columns in place, and the triggers of 0002 stay.
        migrations.AddField("read", "quality_reasons", models.JSONField(null=True)),
        migrations.AddField("read", "clip_quality", models.JSONField(null=True)),
        migrations.AddField(
            "read",
            "conflict_reason",
            models.CharField(
                choices=[
                    ("measure", "The measured thickness is not the plaque’s (oblique cut, artefact)"),
                    ("elsewhere", "Seen better where it could not be measured"),
                    ("near", "Too near the limit to follow it"),
                    ("shape", "Shape or movement that the rule does not count"),
                    ("impression", "The study as a whole says otherwise"),
                    ("other", "Another reason, in the note"),
                ],
                max_length=16,
                null=True,
            ),
        ),
        migrations.AddField("round", "hides_verdict", models.BooleanField(default=False)),
    ]
