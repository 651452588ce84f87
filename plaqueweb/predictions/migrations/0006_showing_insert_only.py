from django.db import migrations

from plaqueweb.core.immutable import refuse

MESSAGE = "showings are only added: what was shown cannot be unseen"


class Migration(migrations.Migration):
    dependencies = [("predictions", "0005_showing")]
    operations = [
        refuse("predictions_showing", on="UPDATE", message=MESSAGE),
        refuse("predictions_showing", on="DELETE", message=MESSAGE),
    ]
