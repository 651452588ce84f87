from __future__ import annotations

import json
import pickle

import pytest
import torch

from inference.checkpoints import (
    CheckpointError,
    load_model,
    load_tensors,
    read_card,
    read_pipeline,
    save_tensors,
)


@pytest.fixture
def copy(raw_pipeline, tmp_path):
    for path in raw_pipeline.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_weights_come_back_as_they_were_saved(tmp_path) -> None:
    path = tmp_path / "a.safetensors"
    digest = save_tensors(path, {"w": torch.arange(6.0).reshape(2, 3)})

    assert torch.equal(load_tensors(path, sha256=digest)["w"], torch.arange(6.0).reshape(2, 3))
    assert not path.with_name("a.safetensors.part").exists()


def test_changed_weights_are_refused_by_their_sha256(copy) -> None:
    path = copy / "classifier.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(CheckpointError, match="sha256"):
        load_model(path)


def test_a_pickle_is_never_opened(tmp_path) -> None:
    pickled = tmp_path / "weights.pt"
    pickled.write_bytes(pickle.dumps({"w": 1}))
    disguised = tmp_path / "weights.safetensors"
    disguised.write_bytes(pickled.read_bytes())

    with pytest.raises(CheckpointError, match=r"must be a \.safetensors"):
        load_tensors(pickled)
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load_tensors(disguised)


def test_a_missing_card_an_unknown_architecture_and_a_broken_card_are_named(copy) -> None:
    weights, card = copy / "classifier.safetensors", copy / "classifier.card.json"
    data = json.loads(card.read_text())

    card.write_text(json.dumps({**data, "architecture": "resnet"}))
    with pytest.raises(CheckpointError, match="resnet"):
        read_card(weights)
    card.write_text("{")
    with pytest.raises(CheckpointError, match="no model card"):
        read_card(weights)
    card.unlink()
    with pytest.raises(CheckpointError, match="missing"):
        read_card(weights)


def test_an_edited_pipeline_is_refused_by_its_hash(copy) -> None:
    path = copy / "pipeline.json"
    data = json.loads(path.read_text())
    assert read_pipeline(path).hash == data["hash"]

    path.write_text(json.dumps({**data, "threshold": 0.4}))

    with pytest.raises(CheckpointError, match="never edited"):
        read_pipeline(path)
