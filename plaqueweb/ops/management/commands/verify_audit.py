"""Recompute the audit chain and say whether it is whole."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plaqueweb.audit.models import AuditEvent
from plaqueweb.audit.services import seal_events, verify_chain


class Command(BaseCommand):
    help = "Verify the hash chain of the audit trail; exit status 1 names the first event that does not fit."

    def handle(self, *args: Any, **options: Any) -> None:
        while seal_events():
            pass
        broken = verify_chain()
        if broken is not None:
            raise CommandError(
                f"the chain breaks at event {broken.pk} ({broken.verb}, {broken.at:%Y-%m-%d %H:%M:%S} UTC)"
            )
        self.stdout.write(f"{AuditEvent.objects.count()} events, chain whole")
