from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studies", "0006_preparation")]
    operations = [
        # Null and without a default: SQLite then adds the column in place, and the trigger of 0003 stays.
        migrations.AddField("protocol", "questions", models.JSONField(null=True)),
    ]
