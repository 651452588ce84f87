import django.db.models.deletion
from django.db import migrations, models

import plaqueweb.core.ids
from plaqueweb.core.immutable import refuse

MESSAGE = "what is read in a round was frozen when the case was given out"


def key():
    return models.UUIDField(default=plaqueweb.core.ids.uuid7, editable=False, primary_key=True, serialize=False)


def to(model, related):
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name=related, to=model)


class Migration(migrations.Migration):
    dependencies = [("reads", "0007_propagation"), ("studies", "0006_preparation")]
    operations = [
        migrations.AddField("round", "read_set_sha256", models.CharField(max_length=64, null=True)),
        migrations.CreateModel(
            name="ReadSet",
            fields=[
                ("id", key()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("content_no", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("round", to("reads.round", "read_sets")),
                ("study", to("studies.study", "read_sets")),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "constraints": [models.UniqueConstraint(fields=("round", "study"), name="read_set_once")],
            },
        ),
        migrations.CreateModel(
            name="ReadSetClip",
            fields=[
                ("id", key()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "use",
                    models.CharField(
                        choices=[("read", "read"), ("reference", "reference only"), ("aside", "set aside")],
                        max_length=16,
                    ),
                ),
                (
                    "segment",
                    models.CharField(
                        blank=True,
                        choices=[("ascending", "Ascending"), ("arch", "Arch"), ("descending", "Descending")],
                        max_length=16,
                    ),
                ),
                (
                    "view",
                    models.CharField(
                        choices=[
                            ("SAX", "short axis"),
                            ("LAX", "long axis"),
                            ("oblique", "oblique"),
                            ("unknown", "view not given"),
                        ],
                        max_length=8,
                    ),
                ),
                ("clip", to("studies.clip", "read_sets")),
                ("read_set", to("reads.readset", "clips")),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "constraints": [models.UniqueConstraint(fields=("read_set", "clip"), name="read_set_clip_once")],
            },
        ),
        *(
            refuse(table, on=event, message=MESSAGE)
            for table in ("reads_readset", "reads_readsetclip")
            for event in ("UPDATE", "DELETE")
        ),
    ]
