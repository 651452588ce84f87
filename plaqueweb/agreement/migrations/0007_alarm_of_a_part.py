"""An alarm says of which part of a pipeline's studies it is: of all, of one site, or of one scanner."""

from django.db import migrations, models


def name_scanners(apps, schema_editor):
    apps.get_model("agreement", "Alarm").objects.exclude(part="").update(split="scanner")


class Migration(migrations.Migration):
    dependencies = [("agreement", "0006_alarm_of_bias")]

    operations = [
        migrations.RemoveConstraint(model_name="alarm", name="alarm_once"),
        migrations.RenameField(model_name="alarm", old_name="scanner", new_name="part"),
        migrations.AddField(
            model_name="alarm",
            name="split",
            field=models.CharField(
                blank=True,
                choices=[("", "pipeline"), ("site", "site"), ("scanner", "scanner")],
                default="",
                max_length=16,
            ),
        ),
        migrations.RunPython(name_scanners, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.UniqueConstraint(
                fields=["project", "pipeline", "chart", "split", "part", "starts_on"], name="alarm_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(
                condition=models.Q(("split__in", ["", "site", "scanner"])), name="alarm_split"
            ),
        ),
    ]
