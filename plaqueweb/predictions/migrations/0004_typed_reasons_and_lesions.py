from typing import Any

from django.db import migrations, models
from django.db.models import Q

from plaqueweb.core.immutable import refuse

MESSAGE = "a prediction never changes: run the pipeline again"
TABLES = ("predictions_prediction", "predictions_clipprediction")
REASONS = [
    ("no aorta", "no aorta found"),
    ("colour", "colour Doppler covers the picture"),
    ("poor quality", "wall and blood cannot be told apart"),
    ("no scale", "no scale in the file"),
    ("out of distribution", "unlike the pictures it was trained on"),
    ("failed", "the model failed on these pictures"),
]
DECISIONS = [
    ("concordant_complex", "complex, classifier and rule agree"),
    ("concordant_not", "not complex, classifier and rule agree"),
    ("near_cutoff", "near 4 mm"),
    ("discordant_classifier", "classifier complex, thickness below 4 mm: look for ulceration or mobility"),
    ("discordant_thick", "4 mm or more, classifier not complex"),
    ("discordant_reason", "ulceration or a mobile part seen, classifier not complex"),
    ("classifier_only", "classifier only, no scale in the file"),
    ("no_result", "no result"),
]
TYPED = Q(no_result_reason__in=["", *(key for key, _label in REASONS)]) & Q(
    no_thickness__in=["", *(key for key, _label in REASONS)]
)
NUMBERS = ("probability_sd", "area_sd_mm2", "protrusion_mm", "area_ratio", "arc_share", "quality")
"""Of both tables; the study's table has three more since 0003."""


def lift(table: str) -> migrations.RunPython:
    """Take the trigger of 0002 away: SQLite builds the tables anew, and the old free text becomes a typed reason."""
    step = refuse(table, on="UPDATE", message=MESSAGE)
    return migrations.RunPython(step.reverse_code, step.code)


def type_reasons(apps: Any, schema_editor: Any) -> None:
    """Until now there was one reason, in words of its own; whatever else stands there came from no release."""
    for name in ("Prediction", "ClipPrediction"):
        rows = apps.get_model("predictions", name).objects.exclude(no_result_reason__in=["", "no aorta"])
        rows.update(no_result_reason="no aorta")


def column(model: str, name: str, field: models.Field) -> migrations.AddField:
    return migrations.AddField(model, name, field, preserve_default=field.null)


def of_both(model: str) -> list[Any]:
    return [
        *(column(model, name, models.FloatField(null=True)) for name in NUMBERS),
        column(model, "no_thickness", models.CharField(blank=True, choices=REASONS, default="", max_length=32)),
        migrations.AlterField(
            model, "no_result_reason", models.CharField(blank=True, choices=REASONS, max_length=64)
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("predictions", "0003_explanation_and_uncertainty")]
    operations = [
        *(lift(table) for table in TABLES),
        migrations.RunPython(type_reasons, migrations.RunPython.noop),
        *of_both("prediction"),
        column("prediction", "reasons", models.JSONField(null=True)),
        column("prediction", "engine", models.CharField(blank=True, default="", max_length=160)),
        column("prediction", "outputs", models.JSONField(null=True)),
        migrations.AlterField("prediction", "decision", models.CharField(choices=DECISIONS, max_length=32)),
        *of_both("clipprediction"),
        column("clipprediction", "thickness_sd_mm", models.FloatField(null=True)),
        column("clipprediction", "ood_score", models.FloatField(null=True)),
        column("clipprediction", "flags", models.JSONField(null=True)),
        column("clipprediction", "lesions", models.JSONField(null=True)),
        column("clipprediction", "gated_frames", models.PositiveIntegerField(null=True)),
        migrations.AddConstraint(
            "prediction", models.CheckConstraint(condition=TYPED, name="prediction_reasons_typed")
        ),
        migrations.AddConstraint(
            "clipprediction", models.CheckConstraint(condition=TYPED, name="clip_prediction_reasons_typed")
        ),
        *(refuse(table, on="UPDATE", message=MESSAGE) for table in TABLES),
    ]
