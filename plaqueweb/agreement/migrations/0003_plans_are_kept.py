from __future__ import annotations

from django.db import migrations

from plaqueweb.core.immutable import refuse

PLAN = "a margin is set once, before the result is shown"


class Migration(migrations.Migration):
    dependencies = [("agreement", "0002_watch")]
    operations = [
        refuse("agreement_comparisonplan", on="UPDATE", message=PLAN),
        refuse("agreement_comparisonplan", on="DELETE", message=PLAN),
        refuse("agreement_listlook", on="UPDATE", message="a look is never undone"),
        refuse("agreement_listlook", on="DELETE", message="a look is never undone"),
    ]
