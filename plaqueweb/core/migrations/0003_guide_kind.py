from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0002_maps_kind")]
    operations = [
        migrations.AlterField(
            model_name="storedobject",
            name="kind",
            field=models.CharField(
                choices=[
                    ("incoming", "uploaded file, before intake"),
                    ("cine", "frames of a clip"),
                    ("masks", "masks of a prediction"),
                    ("maps", "explanation of a prediction"),
                    ("guide", "picture of a reading guide"),
                ],
                max_length=16,
            ),
        ),
    ]
