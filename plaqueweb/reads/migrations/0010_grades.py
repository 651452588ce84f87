from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reads", "0009_own_answers"), ("studies", "0008_grading")]
    operations = [
        # Null and without a default: SQLite then adds the columns in place, and the triggers of 0002 stay.
        migrations.AddField("lesion", "grade", models.PositiveSmallIntegerField(null=True)),
        migrations.AddField("lesion", "grade_given", models.PositiveSmallIntegerField(null=True)),
        migrations.AddField("read", "grade", models.PositiveSmallIntegerField(null=True)),
    ]
