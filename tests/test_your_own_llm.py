"""What notebook 21 defines and quotes: answers as text, four bits, and its table."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from helpers.files import DATA
from helpers.score import bits

TABLE = pd.read_csv(DATA / "21_sweep.csv", comment="#")
# Dettmers et al. (2023), appendix E, to four digits
NF4 = [-1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0.0,
       0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.7230, 1.0]  # fmt: skip


@pytest.fixture(scope="module")
def own():
    """What the cells tagged `sweep` of notebook 21 define."""
    spec = importlib.util.spec_from_file_location("sweep", DATA / "sweep.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return SimpleNamespace(**script.definitions("21"))


PAIRS = [("a bore .", "negative"), ("one of the finest films that i have seen .", "positive")]


def test_the_loss_is_that_of_the_library_behind_the_written_examples(own):
    pair = own.with_answer(*PAIRS[1])
    total, count = own.answer_loss(own.first_prefix(), [pair])
    front = own.tokenizer(own.in_context(own.SHOTS), add_special_tokens=False)["input_ids"]
    ids, labels = torch.tensor([front + pair[0]]), torch.tensor([[-100] * len(front) + pair[1]])
    with torch.inference_mode():
        expected = own.lm(input_ids=ids, labels=labels).loss
    assert count == sum(label >= 0 for label in pair[1])
    assert total.item() / count == pytest.approx(expected.item(), abs=1e-4)


def test_a_batch_is_the_sum_of_its_rows(own):
    start, pairs = own.first_prefix(), [own.with_answer(*pair) for pair in PAIRS]
    total, count = own.answer_loss(start, pairs)
    alone = [own.answer_loss(start, [pair]) for pair in pairs]
    assert count == sum(number for _, number in alone)
    assert total.item() == pytest.approx(sum(loss.item() for loss, _ in alone), rel=1e-4)


def test_a_padded_batch_writes_what_each_row_writes(own):
    ids = [own.asked(text) for text, _ in PAIRS]
    start = own.first_prefix()
    assert own.write(start, ids) == [own.write(start, [row])[0] for row in ids]


def test_the_levels_are_those_of_the_paper(own):
    assert own.LEVELS["NF4"].tolist() == pytest.approx(NF4, abs=2e-4)


def test_four_bits_are_off_by_half_a_gap_at_most(own):
    torch.manual_seed(0)
    weight = torch.randn(32, 64)
    weight[0] = 0
    for levels in own.LEVELS.values():
        codes, scale = own.quantise(weight, levels)
        again = own.dequantise(codes, scale, levels, weight.shape)
        most = (levels[1:] - levels[:-1]).max() / 2
        assert int(codes.max()) <= 15
        assert ((again - weight).abs() <= most * weight.abs().amax(1, keepdim=True) + 1e-6).all()


def test_the_table_is_whole():
    parts = TABLE.groupby("part").size()
    assert parts.to_dict() == {"rival": 3, "run": 6, "trial": 3, "verdict": 5}
    trials, runs = (TABLE[TABLE["part"] == part] for part in ("trial", "run"))
    trials, runs = (part[part["count"] == 48] for part in (trials, runs))
    best = trials.loc[trials["loss"].idxmin(), "rate"]
    assert (runs["rate"] == best).all() and sorted(runs["draw"]) == list(range(5))


def test_the_bits_are_those_of_the_answers(own):
    rows = own.TEST_ROWS
    expected = [own.wanted(own.texts["test"][row], own.labels["test"][row]).strip() for row in rows]
    for row in TABLE[TABLE["written"].notna()].itertuples():
        right = [
            line.strip() == other
            for line, other in zip(json.loads(row.written), expected, strict=True)
        ]
        assert (bits(row.right)[:40] == np.array(right)).all()
        assert row.accuracy == pytest.approx(np.mean(right))


def test_the_stored_prefix_fits_the_model(own):
    vectors = load_file(DATA / "21_prefix.safetensors")["vectors"]
    assert vectors.shape == own.first_prefix().shape
