"""helpers.models: the default, a folder and the hub; frozen, and known by the same hash."""

import copy
import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel

from helpers import assets
from helpers.models import (
    ModelError,
    choose_dtype,
    load_encoder,
    load_lm,
    weights_hash,
)
from helpers.templates import Template

SMOL = "SmolLM2-135M-Instruct"


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
    rounded = weights_hash(encoder)
    assert rounded == weights_hash(model[1], torch.bfloat16) and len(rounded) == 64
    assert rounded != weights_hash(model[1])
    assert tokenizer("A fine film.")["input_ids"] == model[0]("A fine film.")["input_ids"]


def test_other_weights_have_another_base(folder, model):
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] = 2
    (folder / "config.json").write_text(json.dumps(config))
    assert weights_hash(load_encoder(str(folder), torch.float32)[1]) != weights_hash(model[1])


def lose_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")  # pickles are refused


def halve_weights(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


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


@pytest.fixture(scope="module")
def smol():
    return load_lm(SMOL, torch.float32)


def test_causal_lm_is_frozen_and_continues_a_review(smol):
    tokenizer, lm = smol
    assert not lm.training and not any(p.requires_grad for p in lm.parameters())
    assert lm.dtype == torch.float32 and lm.config.hidden_size == 576
    assert lm.lm_head.weight is lm.get_input_embeddings().weight
    batch = tokenizer("Review: a gripping and moving film.\nSentiment:", return_tensors="pt")
    with torch.no_grad():
        top = tokenizer.batch_decode(lm(**batch).logits[0, -1].topk(10).indices[:, None])
    assert {" Positive", " positive"} & set(top), top


@pytest.mark.slow
def test_dequantised_once(smol, monkeypatch):
    assets._fetch.cache_clear()
    kept = replace(assets.ASSETS[SMOL], convert="kept")  # calling it is a TypeError
    monkeypatch.setitem(assets.ASSETS, SMOL, kept)
    tokenizer, encoder = load_encoder(SMOL, torch.bfloat16)
    assert type(encoder).__name__ == "LlamaModel" and encoder.dtype == torch.bfloat16
    assert weights_hash(encoder) == weights_hash(smol[1].base_model, torch.bfloat16)
    assert tokenizer.padding_side == "right" and tokenizer.model_max_length == 8192
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    assert tokenizer.pad_token == "<|im_end|>"


def test_template_on_a_tokenizer_without_cls(smol):
    tokenizer, _ = smol
    typed = "Fine <|im_end|> film"
    [ids] = Template("Review: {}\nSentiment:").input_ids(tokenizer, [typed])
    assert tokenizer.decode(ids) == f"Review: {typed}\nSentiment:"
    assert not set(ids) & set(tokenizer.all_special_ids)


def test_masked_lm_fills_a_blank_and_knows_its_base():
    tokenizer, lm = load_lm("ReviewBERT", torch.float32)
    batch = tokenizer("a very good [MASK] .", return_tensors="pt")
    with torch.no_grad():
        logits = lm(**batch).logits[batch["input_ids"] == tokenizer.mask_token_id][0]
    assert {"movie", "film"} & set(tokenizer.convert_ids_to_tokens(logits.topk(5).indices))
    _, encoder = load_encoder("ReviewBERT", torch.float32)
    assert weights_hash(lm.base_model) == weights_hash(encoder)


def test_no_vocabulary_head():
    with pytest.raises(ModelError, match="'all-MiniLM-L6-v2' has no head over the vocabulary"):
        load_lm("all-MiniLM-L6-v2")


def test_the_pooler_is_not_part_of_the_base(folder, model):
    path = folder / "model.safetensors"
    bare = {key: tensor for key, tensor in load_file(path).items() if "pooler" not in key}
    save_file(bare, path, metadata={"format": "pt"})
    encoder = load_encoder(folder, torch.float32)[1]
    assert weights_hash(encoder) == weights_hash(model[1])


@pytest.mark.parametrize(
    "can, dtype",
    [({"avx512_bf16": True}, torch.float32), ({"amx_bf16": True}, torch.bfloat16),
     ({"avx2": True, "avx512_f": True}, torch.float32), ({}, torch.float32)],
)  # fmt: skip
def test_the_number_format_is_what_the_processor_can_do(monkeypatch, can, dtype):
    monkeypatch.delenv("PROMPT_COURSE_DTYPE", raising=False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can)
    assert choose_dtype() == dtype


def test_the_number_format_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("PROMPT_COURSE_DTYPE", "float32")
    assert choose_dtype() == torch.float32
    monkeypatch.setenv("PROMPT_COURSE_DTYPE", "float8")
    with pytest.raises(ModelError, match="not 'float8'"):
        choose_dtype()


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2", "qwen3"])
def test_a_folder_without_its_tokenizer(folder, kind):
    """transformers makes up a vocabulary of a handful of tokens, and every review looks alike."""
    for file in folder.glob("*token*"):
        file.unlink()
    if kind != "bert":
        made = AutoConfig.for_model(
            kind, vocab_size=30522, pad_token_id=0, hidden_size=4, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2, intermediate_size=4,
        )  # fmt: skip
        AutoModel.from_config(made).save_pretrained(folder)
    with pytest.raises(ModelError, match="tokenizer|could not be loaded"):
        load_encoder(folder, torch.float32)


def test_what_starts_a_text_comes_from_the_tokenizer(model, smol):
    """Llama 3's model needs a first token, BERT's two around the text, SmolLM2's none."""
    tokenizer = copy.deepcopy(model[0])
    assert Template().input_ids(tokenizer, ["good"])[0][0] == tokenizer.cls_token_id
    start = "[unused1] $A"
    backend = tokenizer.backend_tokenizer
    backend.post_processor = type(backend.post_processor)(
        single=start, pair=start + " $B", special_tokens=[("[unused1]", 2)]
    )
    assert Template().input_ids(tokenizer, ["good"]) == [tokenizer("good")["input_ids"]]
    assert tokenizer("good")["input_ids"][0] == 2
    assert not set(Template().input_ids(smol[0], ["good"])[0]) & set(smol[0].all_special_ids)


def test_a_review_behind_words_is_split_as_in_running_text(smol):
    for template in ("Review: {}\nSentiment:", "{} It was", "\nReview: {} .", "{}"):
        ids = Template(template).input_ids(smol[0], ["a gripping film", "unwatchable"])
        texts = [template.replace("{}", text) for text in ("a gripping film", "unwatchable")]
        assert ids == smol[0](texts, add_special_tokens=False)["input_ids"]
