from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reads", "0002_signed_is_immutable")]
    operations = [
        # Null and without a default: SQLite then adds the column in place, and the triggers of 0002 stay.
        migrations.AddField("read", "place", models.JSONField(null=True)),
        migrations.AlterField(
            "framemask",
            "source",
            models.CharField(
                choices=[
                    ("drawn", "drawn"),
                    ("copied", "copied"),
                    ("interpolated", "interpolated between two frames"),
                    ("threshold", "painted where grey allows it"),
                    ("grown", "grown from a point"),
                    ("mixed", "different by lesion"),
                    ("imported", "imported"),
                    ("simulated", "simulated"),
                ],
                default="drawn",
                max_length=16,
            ),
        ),
    ]
