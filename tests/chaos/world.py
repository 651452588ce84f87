"""A small installation of its own for tests that kill processes: ``python -m tests.chaos.world seed|state``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def seed(frames: int) -> None:
    """Make a project with a pipeline, a study and a queued job."""
    from tests.factories import ClipFactory, ProjectFactory, StudyFactory
    from tests.weights import write_test_pipeline

    write_test_pipeline(Path(os.environ["PLAQUEWEB_MODEL_DIR"]))
    from plaqueweb.jobs.services import queue_job
    from plaqueweb.predictions.services import activate_pipeline, register_builtin_pipeline

    project = ProjectFactory()
    pipeline = activate_pipeline(pipeline=register_builtin_pipeline(project=project, by=None), by=None)
    study = StudyFactory(subject__project=project)
    ClipFactory(study=study, frames=frames)
    queue_job(study=study, pipeline=pipeline, by=None)


def state() -> dict[str, object]:
    """Return what the database says about jobs and predictions."""
    from plaqueweb.jobs.models import InferenceJob
    from plaqueweb.predictions.models import Prediction

    jobs = InferenceJob.objects.values_list("work_state", "progress_done", "attempts")
    return {"jobs": [list(row) for row in jobs], "predictions": Prediction.objects.count()}


if __name__ == "__main__":
    import django

    django.setup()
    if sys.argv[1] == "seed":
        seed(int(sys.argv[2]))
    print(json.dumps(state()))
