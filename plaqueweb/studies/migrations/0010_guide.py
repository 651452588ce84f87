import django.db.models.deletion
from django.db import migrations, models

import plaqueweb.core.ids


class Migration(migrations.Migration):
    dependencies = [("core", "0003_guide_kind"), ("studies", "0009_thickness_and_marks")]
    operations = [
        # Null and without a default: the trigger of 0003 stays on SQLite. Null is no guide.
        migrations.AddField("protocol", "guide", models.JSONField(null=True)),
        migrations.CreateModel(
            name="GuidePicture",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=plaqueweb.core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("media_type", models.CharField(max_length=16)),
                ("width", models.PositiveSmallIntegerField()),
                ("height", models.PositiveSmallIntegerField()),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="guide_pictures",
                        to="studies.project",
                    ),
                ),
                (
                    "stored",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.storedobject"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "constraints": [models.UniqueConstraint(fields=("stored",), name="guide_picture_once")],
            },
        ),
    ]
