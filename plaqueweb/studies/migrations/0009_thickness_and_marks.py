from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studies", "0008_grading")]
    operations = [
        # Null and without a default: the trigger of 0003 stays on SQLite. Null is what held before there was a choice.
        migrations.AddField(
            "protocol",
            "thickness_from",
            models.CharField(
                choices=[
                    ("caliper_mask", "caliper, else the mask"),
                    ("caliper", "caliper only"),
                    ("mask", "mask only"),
                ],
                max_length=16,
                null=True,
            ),
        ),
        migrations.AddField("protocol", "marks", models.JSONField(null=True)),
    ]
