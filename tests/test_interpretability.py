"""What notebook 17 builds, beside oracles: the whole model, captum, sums written out by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.files import DATA
from tests.taught import taught


@pytest.fixture(scope="module")
def names():
    return taught("17")


@pytest.fixture
def ids(names):
    return [names["filled"](names["word_ids"](text)) for text in ("a joy", "dull and overlong .")]


def test_margins_are_log_odds_of_the_whole_model(names, ids):
    whole = [names["WRITTEN"] + one for one in ids]
    two = [names["word_id"](names["tokenizer"], f" {label}") for label in names["LABELS"]]
    for one, found in zip(whole, names["margins"](ids), strict=True):
        with torch.no_grad():
            logits = names["lm"](input_ids=torch.tensor([one])).logits[0, -1].float()
        assert found == pytest.approx((logits[two[1]] - logits[two[0]]).item(), abs=0.15)


def test_a_review_is_the_same_as_words_and_as_vectors(names, ids):
    x = names["TABLE"][sum(names["word_ids"]("a joy"), [])]
    found = names["margin_of"](x[None]).item()
    assert found == pytest.approx(names["margins"](ids[:1]).item(), abs=0.15)


def test_integrated_gradients_are_captums(names):
    from captum.attr import IntegratedGradients

    x = names["TABLE"][sum(names["word_ids"]("a joy"), [])]
    start = names["baseline"]("a joy", " the")
    how = {"n_steps": 8, "method": "riemann_middle"}
    theirs = IntegratedGradients(names["margin_of"]).attribute(x[None], start[None], **how)
    ours = names["integrated"]("a joy", steps=8)
    assert torch.allclose(ours, theirs[0].sum(-1).float(), atol=0.02 * ours.abs().max().item())


def test_integrated_gradients_of_a_square_are_exact(names, monkeypatch):
    monkeypatch.setitem(names, "margin_of", lambda path: (path.float() ** 2).sum((1, 2)))
    x, start = (names["TABLE"][sum(names["word_ids"]("a joy"), [])].float(), 0)
    found = names["integrated"]("a joy", None, steps=4)
    assert torch.allclose(found, (x**2 - start).sum(-1), rtol=0.02)


def test_steps_dense_near_zero_integrate_a_steep_start(names, monkeypatch):
    """The cube root moves most near 0, where even steps miss some of it."""
    root = lambda path: ((path.float().abs() + 1e-9) ** (1 / 3)).sum((1, 2))  # noqa: E731
    monkeypatch.setitem(names, "margin_of", root)
    x = names["TABLE"][sum(names["word_ids"]("a joy"), [])].float()
    even, dense = (names["integrated"]("a joy", None, 32, power).sum() for power in (1, 3))
    assert dense == pytest.approx(root(x[None]).item(), rel=0.02)
    assert even < 0.95 * dense


def test_what_pushes_all_margins_alike_is_taken_off(names):
    base = np.array([1.0, -2.0, 0.5])
    assert names["centred"](base + 3, base) == pytest.approx(base)
    turned = names["centred"](base + [1.0, 0.0, -1.0], base)
    assert turned == pytest.approx(base + [1.0, 0.0, -1.0])


def test_rollout_is_a_product_of_mixed_layers(names):
    weights = torch.rand(3, 2, 4, 4).tril()
    weights = weights / weights.sum(-1, keepdim=True)
    one, two, three = (0.5 * layer.mean(0) + 0.5 * torch.eye(4) for layer in weights)
    found = names["rollout"](weights)
    assert torch.allclose(found, three @ two @ one)
    assert torch.allclose(found.sum(-1), torch.ones(4))


def test_tokens_of_a_word_are_added_up(names):
    text = "overlong joy"
    counts = [len(word) for word in names["word_ids"](text)]
    assert sum(counts) > 2
    assert names["by_word"](np.ones(sum(counts)), text).tolist() == counts


def test_deletion_and_insertion_written_out(names, monkeypatch):
    """A model that counts the letters of joy: what is left of it is known without a model."""
    joy = names["word_ids"]("joy")[0]
    count = lambda ids: np.array([2 * (joy[0] in one) - 0.5 for one in ids])  # noqa: E731
    monkeypatch.setitem(names, "margins", count)
    first, last = [5, 4, 3, 2, 1], [1, 2, 3, 4, 5]
    found = names["faithful"]("joy of a dull day", {"first": first, "last": last})
    assert found["first"] == pytest.approx([2, 1.5, 2, 1.5])
    assert found["last"] == pytest.approx([0, -0.5, 0, -0.5])


def test_a_hidden_token_is_not_read(names, ids, monkeypatch):
    hidden = names["margins"](ids, names["Hiding"]([20]))
    kept = [(k.clone(), v.clone()) for k, v in names["prompt"].kept]
    for k, v in kept:
        k[:, :, 20] += 1
        v[:, :, 20] -= 1
    monkeypatch.setattr(names["prompt"], "kept", kept)
    np.testing.assert_array_equal(names["margins"](ids, names["Hiding"]([20])), hidden)
    assert not np.allclose(names["margins"](ids), hidden, atol=0.2)


def test_nothing_hidden_is_the_model_itself(names, ids):
    found = names["margins"](ids, names["Hiding"]([]))
    np.testing.assert_allclose(found, names["margins"](ids), atol=0.05)


def test_all_heads_cut_is_a_layer_without_attention(names, ids):
    out = names["lm"].base_model.layers[7].self_attn.o_proj
    with names["cut"]([(7, head) for head in range(names["HEADS"])]):
        found = names["margins"](ids)
    before = out.weight.data
    out.weight.data = torch.zeros_like(before)
    expected = names["margins"](ids)
    out.weight.data = before
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert not out._forward_pre_hooks


def test_a_head_that_says_its_own_output_is_not_cut(names):
    """One token, so that the mean over tokens is the head's output itself."""
    one, none = [[5]], names["NoPrompt"]()
    layer = names["lm"].base_model.layers[3].self_attn.o_proj
    seen = []
    hook = layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    whole = names["margins"](one, none)
    hook.remove()
    said = torch.zeros(names["LAYERS"], names["HEADS"], layer.in_features // names["HEADS"])
    said[3] = seen[0][0, 0].float().unflatten(0, (names["HEADS"], -1))
    with names["cut"]([(3, 0), (3, 4)], said):
        np.testing.assert_allclose(names["margins"](one, none), whole, atol=1e-3)


def test_shuffled_weights_come_back(names, ids):
    whole, before = names["margins"](ids), names["prompt"].kept
    with names["shuffled"]():
        assert not np.allclose(names["margins"](ids), whole, atol=0.3)
    np.testing.assert_array_equal(names["margins"](ids), whole)
    assert names["prompt"].kept is before


def test_the_lens_ends_at_the_answer(names, ids):
    states = names["lens"](names["states_of"](ids[0], True))
    assert len(states) == names["LAYERS"] + 1
    margin = (states[-1] @ names["TOWARDS"]).item()
    assert margin == pytest.approx(names["margins"](ids[:1]).item(), abs=0.15)


def test_values_are_written_as_the_layer_writes_them(names):
    """The heads' parts add up to the output projection of all heads."""
    layer, model = 5, names["lm"].base_model
    values = names["START"][layer, 1]  # (key heads, tokens, size)
    found = names["written"](values, layer).sum(0)  # (tokens, vocabulary)
    heads = values.repeat_interleave(names["HEADS"] // len(values), 0)
    with torch.no_grad():
        out = model.layers[layer].self_attn.o_proj.weight.float()
        states = heads.transpose(0, 1).flatten(1) @ out.T
        expected = (states * model.norm.weight.float()) @ names["TABLE"].float().T
    assert torch.allclose(found, expected, atol=1e-2 * expected.abs().max().item())


def test_neighbours_are_other_heads_of_the_same_layers(names):
    ten = [(3, 0), (3, 1), (8, 5)]
    found = names["beside"](ten, 0)
    assert sorted(layer for layer, _ in found) == [3, 3, 8]
    assert not set(found) & set(ten) and len(set(found)) == 3


def test_the_table_is_whole():
    table = pd.read_csv(DATA / "17_sweep.csv", comment="#", dtype={"name": str})
    counts = table["part"].value_counts()
    assert counts["head"] == 270 and counts["token"] == 37
    assert counts["lens"] == counts["probe"] == 22
    told = table[table["part"] == "explanation"]
    assert (told.groupby("number")["name"].nunique() == 16).all()
    words = told["values"].str.split().str.len()
    assert (words.groupby(told["number"]).nunique() == 1).all()  # one number a word, all methods
    for part, texts in (("head", 40), ("token", 40), ("hidden", 200), ("front", 200)):
        assert (table[table["part"] == part]["values"].str.split().str.len() == texts).all(), part
