import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import plaqueweb.core.ids
from plaqueweb.core.immutable import refuse

MESSAGE = "a signed read never changes: a correction is a new revision"
TABLE = "reads_manualscale"


def signed(read):
    return f"(SELECT state FROM reads_read WHERE id = {read}) = 'signed'"


class Migration(migrations.Migration):
    dependencies = [
        ("reads", "0003_mask_sources_and_place"),
        ("studies", "0003_frozen"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        # Null and without a default: SQLite then adds the column in place, and the triggers of 0002 stay.
        migrations.AddField("lesion", "manual_scale", models.BooleanField(null=True)),
        migrations.AddField("read", "manual_scale", models.BooleanField(null=True)),
        migrations.CreateModel(
            name="ManualScale",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=plaqueweb.core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("region", models.PositiveSmallIntegerField()),
                ("row_mm", models.FloatField()),
                ("col_mm", models.FloatField()),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("one_line", "one known length, the same in every direction"),
                            ("two_lines", "one known length down and one across"),
                        ],
                        max_length=16,
                    ),
                ),
                ("lines", models.JSONField()),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "clip",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="studies.clip"
                    ),
                ),
                (
                    "read",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scales", to="reads.read"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(fields=("read", "clip", "region"), name="manual_scale_region_once"),
                    models.CheckConstraint(
                        condition=models.Q(row_mm__gt=0, col_mm__gt=0, row_mm__lt=100, col_mm__lt=100),
                        name="manual_scale_mm",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(method__in=["one_line", "two_lines"]), name="manual_scale_method"
                    ),
                ],
            },
        ),
        refuse(TABLE, on="INSERT", when=signed("NEW.read_id"), message=MESSAGE),
        refuse(TABLE, on="UPDATE", when=f"{signed('OLD.read_id')} OR {signed('NEW.read_id')}", message=MESSAGE),
        refuse(TABLE, on="DELETE", when=signed("OLD.read_id"), message=MESSAGE),
    ]
