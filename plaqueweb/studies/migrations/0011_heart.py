from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studies", "0010_guide")]
    operations = [migrations.AddField("clip", "heart", models.JSONField(null=True))]
