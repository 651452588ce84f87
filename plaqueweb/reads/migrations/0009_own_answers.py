from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reads", "0008_read_sets"), ("studies", "0007_questions")]
    operations = [
        # Null and without a default: SQLite then adds the column in place, and the triggers of 0002 stay.
        migrations.AddField("read", "own", models.JSONField(null=True)),
    ]
