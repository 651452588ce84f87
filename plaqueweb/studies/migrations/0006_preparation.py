from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studies", "0005_practice_disclosure")]
    operations = [
        migrations.AddField("clip", "calipers", models.BooleanField(default=False)),
        migrations.AddField("clip", "use_reason", models.CharField(blank=True, default="", max_length=200), preserve_default=False),
        migrations.AddField("study", "prepared_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField("study", "preparing_at", models.DateTimeField(null=True, blank=True)),
    ]
