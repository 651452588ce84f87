from django.db import migrations

from plaqueweb.core.immutable import refuse

MESSAGE = "disclosures are only added: what was shown cannot be unseen"


class Migration(migrations.Migration):
    dependencies = [("studies", "0001_initial")]
    operations = [
        refuse("studies_disclosure", on="UPDATE", message=MESSAGE),
        refuse("studies_disclosure", on="DELETE", message=MESSAGE),
    ]
