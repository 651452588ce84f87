"""The web process stays light: it is started for real and looked into."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BANNED = [
    "torch",
    "monai",
    "SimpleITK",
    "pydicom",
    "sklearn",
    "scipy.stats",
    "statsmodels",
    "pandas",
    "lifelines",
    "PIL",
    "imagecodecs",
    "numba",
]

PROGRAM = """
import json, sys
from plaqueweb.wsgi import application
from django.conf import settings
from django.core.management import call_command
from django.test import Client
settings.ALLOWED_HOSTS.append("testserver")
call_command("migrate", verbosity=0)
call_command("createcachetable", verbosity=0)
from plaqueweb.accounts.models import User
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.accounts.roles import Role
from plaqueweb.studies.services import create_project
project = create_project(slug="p", name="P", by=None)
user = create_user(email="a@b.example", name="A", password="a long password", by=None)
set_roles(project=project, user=user, roles=list(Role.values), by=None)
client = Client()
client.force_login(user)
urls = ["/", "/health/", "/p/p/", "/p/p/studies/", "/p/p/release/", "/p/p/jobs/", "/p/p/pipelines/", "/p/p/worklist/",
        "/p/p/rounds/", "/p/p/review/", "/p/p/errors/", "/p/p/agreement/", "/p/p/agreement/segmentation/",
        "/p/p/agreement/segmentation/?masks=staple", "/p/p/audit/", "/api/v1/me/", "/api/v1/uploads/",
        "/api/v1/jobs/", "/api/v1/predictions/", "/api/v1/assignments/", "/api/schema/"]
status = {url: client.get(url).status_code for url in urls}
print(json.dumps({"status": status, "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Walk the site's pages in a process of its own and return what was loaded."""
    environment = os.environ | {
        "PLAQUEWEB_VAR": str(tmp_path_factory.mktemp("web")), "DJANGO_SETTINGS_MODULE": "plaqueweb.settings.dev",
    }  # fmt: skip
    environment.pop("DATABASE_URL", None)
    repo = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=repo, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_page_answers(web: dict[str, dict[str, int]]) -> None:
    assert {url: code for url, code in web["status"].items() if code not in {200, 302}} == {}


@pytest.mark.parametrize("module", BANNED)
def test_the_web_process_never_loads(web: dict[str, list[str]], module: str) -> None:
    assert [name for name in web["modules"] if name == module or name.startswith(f"{module}.")] == []
