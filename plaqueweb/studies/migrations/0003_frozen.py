from django.db import migrations

from plaqueweb.core.immutable import refuse

PROTOCOL = "a protocol is frozen by the first signature under it: make a new version"
CASE_LIST = "a frozen case list never changes"
OF_NEW = "EXISTS (SELECT 1 FROM studies_caselist c WHERE c.id = NEW.case_list_id AND c.frozen_at IS NOT NULL)"
OF_OLD = "EXISTS (SELECT 1 FROM studies_caselist c WHERE c.id = OLD.case_list_id AND c.frozen_at IS NOT NULL)"


class Migration(migrations.Migration):
    dependencies = [("studies", "0002_disclosure_insert_only")]
    operations = [
        refuse("studies_protocol", on="UPDATE", when="OLD.frozen_at IS NOT NULL", message=PROTOCOL),
        refuse("studies_caselist", on="UPDATE", when="OLD.frozen_at IS NOT NULL", message=CASE_LIST),
        refuse("studies_caselistitem", on="INSERT", when=OF_NEW, message=CASE_LIST),
        refuse("studies_caselistitem", on="UPDATE", when=OF_OLD, message=CASE_LIST),
        refuse("studies_caselistitem", on="DELETE", when=OF_OLD, message=CASE_LIST),
    ]
