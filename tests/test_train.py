"""helpers.train: the optimum, interruptions, bad inputs, and what must not change."""

import copy

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional as F

from helpers import checkpoints, train
from helpers.checkpoints import TrainingError
from helpers.score import evaluate
from helpers.templates import Features
from helpers.train import balanced, fit_head, judge, make_optimizer, train_epoch


def fit(
    model, train_part, validation_part, *, lr=0.1, weight_decay=0.0, optimizer="sgd", **options
):
    """``train.fit`` on features, with an optimizer of its own."""
    parts = [(Features(x), y) for x, y in (train_part, validation_part)]
    return train.fit(model, *parts, make_optimizer(optimizer, model, lr, weight_decay), **options)


def weights(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def data(features):
    """Standardised features of train and validation."""
    mean, scale = features["train"][0].mean(0), features["train"][0].std(0)
    return [
        ((features[part][0] - mean) / scale, features[part][1]) for part in ("train", "validation")
    ]


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(384, 2)


@pytest.mark.parametrize("decay", [0.1, 1.0])
@pytest.mark.parametrize(
    "options, gap, points",
    [
        ({"batch_size": 600, "lr": 0.05, "epochs": 600}, 1e-4, 0.3),  # full batch: to the optimum
        ({"epochs": 80}, 1e-3, 2.5),  # as the notebooks do: the noise of small batches stays
    ],
)
def test_fit_head_reaches_the_optimum(make, features, decay, options, gap, points):
    (x, y), (t, z) = features["train"], features["test"]
    mean, scale = x.mean(0), x.std(0) + 1e-6
    exact = LogisticRegression(C=2 / (len(y) * decay), tol=1e-8, max_iter=5000)
    exact.fit((x - mean) / scale, y)
    classifier = make()
    fit_head(classifier, features["train"], features["validation"], weight_decay=decay, **options)
    head = classifier.head

    def objective(logits, weight):
        return F.cross_entropy(logits, y).item() + decay / 2 * (weight**2).sum().item()

    half = torch.tensor(exact.decision_function((x - mean) / scale)) / 2
    best = objective(torch.stack([-half, half], 1), torch.tensor(exact.coef_) / 2**0.5)
    with torch.no_grad():
        assert abs(objective(head(x), head.weight * scale) - best) < gap
        ours = evaluate(head(t).argmax(-1), z)["accuracy"]
    assert abs(ours - 100 * exact.score((t - mean) / scale, z)) < points
    assert ours > 60  # and it has learnt something


def test_one_full_batch_is_one_sgd_step(data):
    (x, y), model = data[0], linear()
    weight, bias = model.weight.detach().clone(), model.bias.detach().clone()
    error = (x @ weight.T + bias).softmax(-1) - F.one_hot(y, 2)  # gradient of the logits, times n
    expected = weight - 0.1 * error.T @ x / len(y), bias - 0.1 * error.mean(0)
    loss = F.cross_entropy(x @ weight.T + bias, y).item()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    told = train_epoch(model, optimizer, Features(x), y, len(y), torch.Generator().manual_seed(0))
    assert told == pytest.approx(loss, abs=1e-6)
    torch.testing.assert_close((model.weight.data, model.bias.data), expected, rtol=0, atol=1e-6)


def test_gradient_of_the_head():
    torch.manual_seed(0)
    x, y = torch.randn(5, 7, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 0])
    weight, bias = (
        torch.randn(size, dtype=torch.float64, requires_grad=True) for size in ((3, 7), (3,))
    )
    assert torch.autograd.gradcheck(
        lambda w, b: F.cross_entropy(F.linear(x, w, b), y), (weight, bias)
    )


def test_same_seed_same_result(data):
    runs = []
    for seed in (3, 3, 4):
        model = linear()
        runs.append((fit(model, *data, epochs=4, seed=seed), weights(model)))
    assert runs[0][0] == runs[1][0] and same(runs[0][1], runs[1][1])
    assert not same(runs[0][1], runs[2][1])


@pytest.mark.parametrize("optimizer, lr", [("sgd", 0.1), ("adamw", 0.01)])
@pytest.mark.parametrize("patience", [None, 30, 2])
@pytest.mark.parametrize("stop", [1, 4])
def test_interrupted_goes_on_bit_for_bit(
    data, tmp_path, monkeypatch, patience, stop, optimizer, lr
):
    options = {
        "epochs": 8,
        "lr": lr,
        "patience": patience,
        "optimizer": optimizer,
        "weight_decay": 0.1,
    }
    straight = linear()
    history = fit(straight, *data, **options)
    stop = min(stop, len(history) - 1)
    calls, validate = [], train.judge

    def interrupt(*args):
        calls.append(args)
        if len(calls) > stop:
            raise KeyboardInterrupt
        return validate(*args)

    path = tmp_path / "run.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(train, "judge", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(linear(), *data, checkpoint=path, **options)
    resumed = linear(seed=9)  # a fresh process would not start from the same weights
    assert fit(resumed, *data, checkpoint=path, **options) == history
    assert same(weights(resumed), weights(straight))
    assert list(tmp_path.iterdir()) == [path]
    again = linear(seed=9)  # done: nothing more is trained
    assert fit(again, *data, checkpoint=path, **options) == history
    assert same(weights(again), weights(straight))


def test_fit_head_resumes(make, features, tmp_path, monkeypatch):
    parts, path = (features["train"], features["validation"]), tmp_path / "run.safetensors"
    straight, resumed = make(), make()
    history = fit_head(straight, *parts, epochs=6)
    save = checkpoints.Checkpoint.save

    def interrupt(run, history, best):
        save(run, history, best)
        if len(history) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.Checkpoint, "save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit_head(resumed, *parts, epochs=6, checkpoint=path)
    assert fit_head(resumed, *parts, epochs=6, checkpoint=path) == history
    assert same(weights(resumed.head), weights(straight.head))


@pytest.mark.parametrize("content", [-7, b"nonsense", b""])
def test_a_damaged_checkpoint(data, tmp_path, content):
    path = tmp_path / "run.safetensors"
    fit(linear(), *data, epochs=1, checkpoint=path)
    content = path.read_bytes()[:content] if content == -7 else content
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="not a checkpoint of this course.*delete it"):
        fit(linear(), *data, epochs=1, checkpoint=path)
    assert path.read_bytes() == content


def other_labels(data):
    return [(data[0][0], 1 - data[0][1]), data[1]]


def other_texts(data):
    return [(data[0][0].flip(0), data[0][1]), data[1]]


def fewer(data):
    return [data[0], (data[1][0][:50], data[1][1][:50])]


@pytest.mark.parametrize(
    "build, change, options, says",
    [
        (linear, other_labels, {}, r"train \(data\) is '?\w{12}, and here it is '?\w{12}"),
        (linear, other_texts, {}, r"train \(data\)"),
        (linear, fewer, {}, r"validation \(data\)"),
        (linear, list, {"lr": 0.2}, "'initial_lr': 0.1.*and here it is.*'initial_lr': 0.2"),
        (linear, list, {"weight_decay": 0.2}, "'weight_decay': 0.2"),
        (linear, list, {"optimizer": "adamw"}, "is SGD, and here it is AdamW"),
        (linear, list, {"seed": 3}, "its seed is 0, and here it is 3"),
        (linear, list, {"epochs": 5}, "its epochs is 2, and here it is 5"),
        (linear, list, {"batch_size": 8}, "batch_size is 64, and here it is 8"),
        (linear, list, {"patience": 1}, "patience is None, and here it is 1"),
        (linear, list, {"schedule": train.warm_cosine}, "is cosine, and here it is warm_cosine"),
        (linear, list, {"weight": [1.0, 2.0]}, r"weight is None, and here it is \[1.0, 2.0\]"),
        (lambda: nn.Linear(384, 3), list, {}, r"weight \(shapes\) is \[2, 384\], .*\[3, 384\]"),
    ],
)
def test_a_checkpoint_is_of_one_run(data, tmp_path, build, change, options, says):
    """What is refused would have returned the old history without training."""
    path = tmp_path / "run.safetensors"
    fit(linear(), *data, epochs=2, checkpoint=path)
    before = path.read_bytes()
    options = {"epochs": 2} | options
    with pytest.raises(TrainingError, match="another run.*" + says):
        fit(build(), *change(data), checkpoint=path, **options)
    assert path.read_bytes() == before


def test_unknown_optimizer(data):
    with pytest.raises(TrainingError, match="'sgd' or 'adamw', not 'adam'"):
        fit(linear(), *data, optimizer="adam")


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_only_matrices_decay(kind):
    model = linear()
    before = weights(model)
    optimizer = make_optimizer(kind, model, 0.1, 0.5)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.testing.assert_close(model.weight.data, 0.95 * before["weight"])
    assert torch.equal(model.bias, before["bias"])


def test_fit_with_adamw_is_torchs_adamw(data):
    """Full batches: the order within the batch does not matter beyond rounding."""
    (x, y), ours, theirs = data[0], linear(), linear()
    fit(ours, *data, lr=0.01, epochs=5, batch_size=len(y), weight_decay=0.1, optimizer="adamw")
    optimizer = torch.optim.AdamW(
        [
            {"params": [theirs.weight], "weight_decay": 0.1},
            {"params": [theirs.bias], "weight_decay": 0.0},
        ],
        0.01,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(theirs(x), y).backward()
        optimizer.step()
        schedule.step()
    torch.testing.assert_close(weights(ours), weights(theirs), rtol=0, atol=1e-4)


def test_early_stopping_returns_the_best_epoch(data):
    (x, y), validation = data
    model = linear()
    history = fit(model, (x[:40], y[:40]), validation, lr=0.5, epochs=50, patience=3)
    losses = [row["validation_loss"] for row in history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3 < 50
    loss, accuracy = judge(model, Features(validation[0]), validation[1])
    assert (loss, accuracy) == (losses[best], history[best]["accuracy"])


@pytest.mark.parametrize("where", ["train", "validation"])
def test_nan_inputs(data, where):
    broken = [(x.clone(), y) for x, y in data]
    broken[where == "validation"][0][7, 3] = float("nan")
    model = linear()
    before = weights(model)
    with pytest.raises(TrainingError, match="NaN or infinity"):
        fit(model, *broken)
    assert same(weights(model), before)  # no epoch was any good


def test_a_huge_rate_is_named_and_the_best_epoch_put_back(data):
    """The first epoch is the best: the rate rises a thousandfold at each later one."""
    model, kept = linear(), []

    def rising(step, steps, per_epoch):
        kept.append({name: value for name, value in weights(model).items()})
        return 1e3 ** (step // per_epoch)

    with pytest.raises(TrainingError, match=r"In epoch \d+ the .*loss became .*\(0.1, 0.1\)"):
        fit(model, *data, epochs=60, weight_decay=0.1, schedule=rising)
    assert model.weight.isfinite().all() and judge(model, Features(data[1][0]), data[1][1])[0] < 1.5


def test_fit_head_leaves_a_head_for_raw_features_after_an_error(make, features):
    parts, classifier = (features["train"], features["validation"]), make()
    with pytest.raises(TrainingError, match="too high"):
        fit_head(classifier, *parts, lr=1e30, epochs=60, weight_decay=0.1)
    assert not classifier.head.weight.any()  # no epoch was any good: as at the start


def test_fit_head_refuses_nan(make, features):
    (x, y), classifier = features["train"], make()
    before = weights(classifier.head)
    with pytest.raises(TrainingError, match="NaN or infinity"):
        fit_head(classifier, (x.index_fill(0, torch.tensor([3]), torch.nan), y), (x, y))
    assert same(weights(classifier.head), before)


@pytest.mark.parametrize("wrong", [2, -1])
@pytest.mark.parametrize("part", [0, 1])
def test_label_out_of_range(make, features, wrong, part):
    parts = [(x, y.clone()) for x, y in (features["train"], features["validation"])]
    parts[part][1][5] = wrong
    with pytest.raises(TrainingError, match=f"Row 5 has the label number {wrong}, .*0 to 1"):
        fit_head(make(), *parts)


def test_frozen_weights_stay(make, model, features):
    frozen, classifier = copy.deepcopy(model[1].state_dict()), make()
    head = weights(classifier.head)
    fit_head(classifier, features["train"], features["validation"], epochs=3)
    assert same(weights(model[1]), frozen)
    assert not same(weights(classifier.head), head)


def test_fit_leaves_frozen_parameters_alone(data):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(384, 8).requires_grad_(False), nn.Linear(8, 2))
    before = weights(model)
    fit(model, *data, epochs=2, weight_decay=0.1)
    changed = {
        name for name, value in weights(model).items() if not torch.equal(value, before[name])
    }
    assert changed == {"1.weight", "1.bias"}


@pytest.mark.parametrize("kind", [list, np.array, "bool", "int32", "float"])
def test_labels_may_be_of_any_kind(make, features, kind):
    (x, y), validation, found = features["train"], features["validation"], []
    casts = {"bool": torch.bool, "int32": torch.int32, "float": torch.float32}
    for labels in (y, y.to(casts[kind]) if isinstance(kind, str) else kind(y.tolist())):
        classifier = make()
        fit_head(classifier, (x, labels), validation, epochs=2)
        found.append(weights(classifier.head))
    assert same(*found)


@pytest.mark.parametrize("cut, says", [
    (lambda x, y: (x, y[:-1]), "600 texts and 599 labels"),
    (lambda x, y: (x[:-1], y), "599 texts and 600 labels"),
    (lambda x, y: (x[:0], y[:0]), "empty"),
    (lambda x, y: (x[:1], y[:1]), "two or more"),
])  # fmt: skip
def test_data_that_does_not_fit(make, features, cut, says):
    with pytest.raises(TrainingError, match=says):
        fit_head(make(), cut(*features["train"]), features["validation"])


def test_an_empty_validation_set_is_named(make, features):
    x, y = features["validation"]
    with pytest.raises(TrainingError, match="empty"):
        fit_head(make(), features["train"], (x[:0], y[:0]))


def test_balanced_weights_find_the_rare_label(make, features):
    """With 2% of one label, the plain head hardly ever says it; the weighted one does."""
    (x, y), (v, w) = features["train"], features["validation"]
    rare = y.nonzero().flatten()[:8]
    rows = torch.cat([(y == 0).nonzero().flatten(), rare])
    found = []
    for weight in (None, balanced(y[rows], 2)):
        classifier = make()
        fit_head(classifier, (x[rows], y[rows]), (v, w), epochs=20, weight=weight, weight_decay=1.0)
        found.append((classifier.head(v).argmax(-1) == 1).float().mean().item())
    assert balanced([0, 0, 0, 1], 2).tolist() == pytest.approx([2 / 3, 2])
    assert found[0] < 0.03 < 0.1 < found[1]
