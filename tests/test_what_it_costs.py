"""What notebook 13 defines and quotes: prompts, head, LoRA and full fine-tuning, side by side."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from peft import LoraConfig, get_peft_model

from helpers.files import DATA
from helpers.score import bits
from helpers.templates import Inputs
from helpers.train import logits_of
from tests.taught import taught

TABLE = pd.read_csv(DATA / "13_sweep.csv", comment="#")
START = TABLE[TABLE["part"] == "start"].set_index("front")


@pytest.fixture(scope="module")
def costs():
    """What notebook 13 defines, with the offsets that the sweep measured on 500 reviews."""
    found = SimpleNamespace(**taught("13"))
    found.OFFSET.update(START["offset"])
    return found


def logits(costs, classifier, count=3):
    return logits_of(classifier, Inputs(classifier, costs.texts["test"][:count]))


def test_all_start_from_the_same_classifier(costs):
    for front in (True, False):
        ways = [method for method, where in costs.WAYS if where == front]
        found = [logits(costs, costs.build(method, front)) for method in ways]
        for other in found[1:]:
            torch.testing.assert_close(other, found[0], rtol=1e-3, atol=1e-3)


def test_only_what_the_method_trains_moves(costs):
    stored = TABLE[TABLE["part"] == "cost"].set_index(["method", "front"])["learnt"]
    names = {"soft": "prompt.", "prefix": "prompt.", "norms": "norm", "full": "encoder."}
    names |= {"LoRA": (".down", ".up"), "IA3": ".gain", "head": "head."}
    for method, front in costs.WAYS:
        classifier = costs.build(method, front)
        free = {n: p.numel() for n, p in classifier.named_parameters() if p.requires_grad}
        assert sum(free.values()) == stored[method, front]
        wanted = names[method] if isinstance(names[method], tuple) else (names[method],)
        inside = [name for name in free if not name.startswith("head.")]
        assert all(any(part in name for part in wanted) for name in inside), method
        assert bool(inside) == (method != "head")


def test_lora_is_that_of_peft_merged_and_not(costs):
    ours = costs.build("LoRA", False)
    theirs = costs.build("head", False)
    config = LoraConfig(r=8, lora_alpha=16, target_modules=list(costs.LINEAR))
    theirs.encoder = get_peft_model(theirs.encoder, config)
    layers = [layer for layer in ours.encoder.modules() if isinstance(layer, costs.LoRA)]
    copies = [part for part in theirs.encoder.modules() if hasattr(part, "lora_A")]
    copies = [part for part in copies if part.lora_A]
    assert len(layers) == len(copies) == 7 * ours.encoder.config.num_hidden_layers
    generator = torch.Generator().manual_seed(0)
    before = logits(costs, ours)
    with torch.no_grad():
        for own, copy in zip(layers, copies, strict=True):
            own.up.copy_(0.01 * torch.randn(own.up.shape, generator=generator))
            copy.lora_A["default"].weight.copy_(own.down)
            copy.lora_B["default"].weight.copy_(own.up)
    found = logits(costs, ours)
    assert not torch.allclose(found, before, atol=0.05)
    close = {"rtol": 0, "atol": 1e-5 * found.abs().max().clamp(min=1).item()}
    torch.testing.assert_close(found, logits(costs, theirs), **close)
    with torch.no_grad():  # merged: one matrix, no cost at use
        for own in layers:
            own.linear.weight += own.scale * own.up @ own.down
            own.up.zero_()
    torch.testing.assert_close(logits(costs, ours), found, **close)


def test_the_table_has_every_trial_and_validation_chose(costs):
    for method, front in costs.WAYS:
        rows = TABLE[(TABLE["method"] == method) & (TABLE["front"] == front)]
        for k in costs.PLAN:
            some = rows[rows["k"] == k]
            if k in (4, 64) and some.empty:  # the notebook says which ways have no such runs
                continue
            trials, runs = (some[some["part"] == part] for part in ("trial", "run"))
            tried = trials.groupby("rate")["loss"].agg(["mean", "size"])
            assert set(tried.index) == set(costs.RATES[method])
            assert set(tried["size"]) == {costs.TRIAL_DRAWS[k]}
            assert set(runs["rate"]) == {tried["mean"].idxmin()}
            assert sorted(runs["draw"]) == list(range(costs.DRAWS))


def test_bits_are_the_accuracies():
    for row in TABLE[TABLE["part"].isin(["start", "run"])].itertuples():
        assert np.isclose(bits(row.right).mean(), row.accuracy, atol=1e-6)


def test_a_slice_measured_again(costs):
    stored = TABLE.query("part == 'run' and k == 16 and draw == 0 and front").set_index("method")
    for method in ("soft", "LoRA"):  # the first steps: a GPU's numbers, on any processor
        again = costs.train_on(costs.build(method), 16, 0, stored.loc[method, "rate"], stop=2)
        curve = [float(loss) for loss in stored.loc[method, "train_curve"].split()[:2]]
        assert again == pytest.approx(curve, abs=0.005)


def test_what_is_no_way_is_refused(costs):
    with pytest.raises(ValueError, match="'lora' is none of head, soft"):
        costs.build("lora")
    with pytest.raises(ValueError, match="a word for each label"):
        costs.train(costs.build("head"), ["good", "bad"], [1, 2], 0.01)
