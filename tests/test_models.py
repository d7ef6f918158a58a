"""helpers.models: the default, a folder and the hub; frozen, and known by the same hash."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers import assets
from helpers.models import ModelError, choose_dtype, load_encoder, matmul_gflops


@pytest.fixture
def folder(tmp_path):
    """A copy of the model's folder, to damage."""
    return shutil.copytree(assets.fetch("all-MiniLM-L6-v2"), tmp_path / "model")


def test_frozen_in_eval_mode(model):
    _, encoder = model
    assert not encoder.training and not any(p.requires_grad for p in encoder.parameters())
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}


def test_folder_in_bfloat16_has_the_same_base(folder, model):
    tokenizer, encoder = load_encoder(folder, torch.bfloat16)
    assert encoder.dtype == torch.bfloat16 and not encoder.training
    assert encoder.base == model[1].base and len(encoder.base) == 64
    assert tokenizer("A fine film.")["input_ids"] == model[0]("A fine film.")["input_ids"]


def test_other_weights_have_another_base(folder, model):
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] = 2
    (folder / "config.json").write_text(json.dumps(config))
    assert load_encoder(str(folder), torch.float32)[1].base != model[1].base


def lose_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")  # pickles are refused


def halve_weights(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:len(data) // 2])


def lose_config(folder):
    (folder / "config.json").unlink()


def halve_config(folder):
    (folder / "config.json").write_text('{"model_type": "be')


def test_weights_that_are_not_there_are_not_made_up(folder):
    path = folder / "model.safetensors"
    whole = load_file(path)
    del whole["encoder.layer.3.output.dense.weight"]
    save_file(whole, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks 1 of its weights .*layer.3.output"):
        load_encoder(folder)


@pytest.mark.parametrize("damage", [lose_weights, halve_weights, lose_config, halve_config])
def test_damaged_folder(folder, damage):
    damage(folder)
    with pytest.raises(ModelError, match=r"(?s)could not be loaded.*load_encoder\('all-MiniLM"):
        load_encoder(folder, torch.float32)


@pytest.mark.parametrize("name", ["bert-base-uncased", "nobody/nothing", "no/such/folder"])
def test_hub_off(no_network, tmp_path, monkeypatch, name):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"Offline, use the default: load_encoder\('all-MiniLM"):
        load_encoder(name)


def test_default_without_network(own_cache, no_network):
    with pytest.raises(assets.AssetError, match="Connect to the network"):
        load_encoder()


def test_choose_dtype():
    assert choose_dtype() in (torch.float32, torch.bfloat16)
    assert matmul_gflops(torch.float32, tokens=64, repeats=2) > 0
