from django.db import migrations

from plaqueweb.core.immutable import refuse

MESSAGE = "a prediction never changes: run the pipeline again"


class Migration(migrations.Migration):
    dependencies = [("predictions", "0001_initial")]
    operations = [
        refuse("predictions_prediction", on="UPDATE", message=MESSAGE),
        refuse("predictions_clipprediction", on="UPDATE", message=MESSAGE),
    ]
