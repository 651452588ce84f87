from django.db import migrations, models

GUARD = "studies_protocol_no_update"


def nothing(apps, schema_editor):
    pass


def guard_again(apps, schema_editor):
    """Backwards the old column comes back by rebuilding the table on SQLite, which loses the trigger of 0003."""
    if schema_editor.connection.vendor == "sqlite":
        message = "a protocol is frozen by the first signature under it: make a new version"
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {GUARD}", None)
        schema_editor.execute(
            f"CREATE TRIGGER {GUARD} BEFORE UPDATE ON studies_protocol FOR EACH ROW WHEN OLD.frozen_at IS NOT NULL "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
            None,
        )


class Migration(migrations.Migration):
    dependencies = [("studies", "0007_questions")]
    operations = [
        migrations.RunPython(nothing, guard_again),  # first here is last backwards
        # Nothing was ever graded by the old column. Null and without a default: the trigger stays on SQLite.
        migrations.RemoveField("protocol", "grade_scheme"),
        migrations.AddField("protocol", "grading", models.JSONField(null=True)),
    ]
