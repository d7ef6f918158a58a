"""What notebook 12 defines and quotes: prompts that are written, chosen, searched and distilled."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.encode import encode
from helpers.files import DATA
from helpers.score import bits
from tests.taught import taught

TABLE = pd.read_csv(DATA / "12_sweep.csv", comment="#", keep_default_na=False)
ROWS = TABLE[TABLE["part"] == "candidate"].to_dict("records")


@pytest.fixture(scope="module")
def own():
    """What notebook 12 defines."""
    return SimpleNamespace(**taught("12"))


def test_no_example_is_scored_or_tested(own):
    examples = set(own.POOL.ravel()) | set(own.SHOWN)
    assert len(examples) == len(own.POOL.ravel()) + len(own.SHOWN)
    assert not examples & set(own.LABELLED) and len(set(own.LABELLED)) == 160
    assert not set(own.train[0]) & set(own.test[0])
    fronts = " ".join(row["front"] for row in ROWS if row["family"] != "own examples")
    assert not [text for text in own.test[0] if text in fronts]
    tested = [text for draw in range(own.DRAWS) for text in own.fifth(draw)[0]]
    assert sorted(tested) == sorted(own.test[0]) and len(tested) >= 1000


def test_a_draw_sees_as_many_of_each_label(own):
    for draw in range(own.DRAWS):
        few, many = own.draw_rows(16, draw), own.draw_rows(64, draw)
        assert set(few) < set(many) and len(set(many)) == 64
        for places in (few, many):
            y = own.train[1][own.LABELLED[places]]
            assert y.mean() == 0.5 and (np.diff(y) >= 0).all()


def test_the_table_holds_what_the_labels_chose(own):
    chosen = TABLE[(TABLE["part"] == "test") & TABLE["family"].isin(own.FAMILIES)]
    assert len(chosen) == 2 * own.DRAWS * len(own.FAMILIES)
    for row in chosen.itertuples():
        family = [one for one in ROWS if one["family"] == row.family]
        assert len(family) == own.COUNT
        assert own.choose(family, int(float(row.k)), int(row.draw)) == int(float(row.number))


def test_bits_are_the_accuracies(own):
    for row in TABLE[TABLE["right"] != ""].itertuples():
        count = len(own.fifth(int(row.draw))[1])
        assert np.isclose(bits(row.right)[:count].mean(), float(row.accuracy), atol=1e-6)


def test_random_words_are_as_long_as_the_written_examples(own):
    lengths = [row["tokens"] for row in ROWS if row["family"] == "random words"]
    assert np.abs(np.array(lengths, float) - own.LENGTH).max() <= 1


def test_a_candidate_measured_again(own):
    row = next(row for row in ROWS if row["family"] == "hand-written")
    again = own.margins(own.HAND, own.labelled()[:16])
    assert np.abs(again - own.numbers(row)[:16]).max() < 0.15 * own.numbers(row).std()


def test_the_estimate_is_the_slope_of_the_loss_at_a_given_median(own):
    """A small step towards a word changes the loss by the estimate, if the median stays."""
    places = own.draw_rows(16, 0)
    texts, labels = [own.labelled()[place] for place in places], np.repeat([0, 1], 8)
    trigger = own.begin("start", 0)
    guess = own.estimates(own.gradient(trigger, texts, labels), trigger)
    batch, where = own.around(trigger, texts)
    rows = torch.arange(len(texts))
    vectors = own.TABLE(batch["input_ids"]).detach()
    mask_id = own.bert_tokenizer.mask_token_id

    def margin(of):
        with torch.no_grad():
            hidden = own.bert.base_model(inputs_embeds=of, attention_mask=batch["attention_mask"])
            states = own.pool(hidden.last_hidden_state, batch, "mask", mask_id)
            logits = own.BLANK.head(states.float())
        return (logits[:, 1] - logits[:, 0]).double().numpy()

    middle = float(torch.tensor(margin(vectors)).median())
    before = own.loss_of(margin(vectors) - middle, labels)
    assert before == pytest.approx(own.loss_at(vectors, batch, labels).item(), rel=1e-4)
    for place, word in ((0, 17), (3, 4000), (1, 12000)):
        old, new = own.TABLE(torch.tensor([trigger[place], int(own.CHOICE[word])])).detach()
        moved = vectors.clone()
        moved[rows, where[:, place]] += 0.01 * (new - old)
        change = (own.loss_of(margin(moved) - middle, labels) - before) / 0.01
        assert change == pytest.approx(guess[place, word].item(), rel=0.1, abs=1e-3)


def test_a_student_with_all_tokens_is_its_teacher(own):
    texts = own.labelled()[:8]
    whole = own.margins_of(encode(own.slice_of(own.HAND, own.LENGTH), texts).detach())
    taught = own.margins(own.HAND, texts)
    assert np.abs(whole - taught).max() < 0.15 * max(1.0, np.abs(taught).max())


def test_distilling_brings_the_student_nearer(own):
    texts = [own.train[0][row] for row in own.unlabelled(0)[:16]]
    wanted = own.wanted_of(own.HAND, texts, "label words")
    student = own.slice_of(own.HAND, 8)
    losses = own.train_on(student, wanted, texts, "label words", epochs=4)
    assert np.mean(losses[-2:]) < 0.5 * np.mean(losses[:2])


def test_the_trial_of_lowest_kl_was_distilled():
    trials = TABLE[TABLE["part"] == "trial"]
    best = trials.loc[trials["kl"].astype(float).idxmin()]
    done = TABLE[(TABLE["part"] == "distilled") & (TABLE["family"] == best["family"])]
    assert len(done) == 5 and set(done["rate"].astype(float)) == {float(best["rate"])}


def test_eight_distilled_tokens_come_within_a_point_of_what_they_replace(own):
    def mean(part, family):
        rows = TABLE[(TABLE["part"] == part) & (TABLE["family"] == family)]
        right = [bits(row.right)[: len(own.fifth(int(row.draw))[1])] for row in rows.itertuples()]
        return 100 * np.concatenate(right).mean(), len(rows)

    (hand, _), (student, draws) = (
        mean("test", "hand-written"),
        mean("distilled", "label words"),
    )
    untrained, _ = mean("distilled", "slice")
    assert draws == own.DRAWS and abs(student - hand) < 1 and student > untrained + 4
