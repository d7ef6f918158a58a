"""What notebook 19 builds, beside the libraries and the papers that it stands for."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from helpers.assets import AssetError, fetch
from helpers.files import DATA
from helpers.formats import rendered, unpickled
from tests.taught import taught

FEATURES = DATA / "19_features.safetensors"


@pytest.fixture(scope="module")
def names():
    return taught("19")


def test_the_encoder_is_the_published_one(names):
    # computed by efficientnet-lite-pytorch 0.1.0 from the same file
    rows = torch.arange(224.0).view(1, 1, 224, 1)
    columns = torch.arange(224.0).view(1, 1, 1, 224)
    picture = torch.cat([rows + columns * 0, columns + rows * 0, 255 - rows + columns * 0], 1)
    features = names["see"](names["LITE0"], picture)[0]
    wanted = torch.tensor([5.1793, 3.0087, 3.0842, 3.7415, 4.8554, 3.9198])
    largest = features.topk(6).indices.sort().values
    assert largest.tolist() == [113, 689, 806, 897, 930, 1006]
    torch.testing.assert_close(features[largest], wanted, atol=2e-3, rtol=1e-3)


def test_a_banana_is_a_banana(names):
    features = names["look"]([names["picture"]("1F34C")])
    classes = features @ names["LITE0"]["_fc.weight"].T + names["LITE0"]["_fc.bias"]
    assert 954 in classes[0].topk(3).indices  # ImageNet's banana


def test_stored_features_are_those_of_the_encoder(names):
    code = names["parts"]["test"]["code"].iloc[20]
    again = names["look"]([names["picture"](code)])[0]
    assert (again - names["SEEN"]["colour"][code]).abs().max() < 0.05


def test_no_family_is_in_two_parts(names):
    parts = names["parts"]
    found = [set(parts[part]["family"]) for part in ("train", "validation", "test")]
    assert not found[0] & found[1] and not found[0] & found[2] and not found[1] & found[2]
    assert parts["test"]["family"].is_unique and set(parts["unseen"]["kind"]) == {"food"}
    assert not any("food" in names["kinds"][part] for part in ("train", "validation", "test"))


@pytest.mark.parametrize(
    "one, other, same",
    [
        (("woman farmer", "person-role"), ("farmer", "person-role"), True),
        (("red circle", "geometric"), ("large blue circle", "geometric"), True),
        (("one o'clock", "time"), ("two-thirty", "time"), True),
        (("keycap: 1", "keycap"), ("keycap: 2", "keycap"), True),
        (("cat", "animal-mammal"), ("dog", "animal-mammal"), False),
    ],
)
def test_families(names, one, other, same):
    assert (names["family"](*one) == names["family"](*other)) == same


def test_ridge_is_scikit_learns(names):
    from sklearn.linear_model import Ridge

    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(30, 50, generator=generator), torch.randn(30, 4, generator=generator)
    x = x - x.mean(0)
    weight, bias = names["ridge"](x, y, 0.7)
    theirs = Ridge(alpha=0.7 * 50).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(weight.numpy().T, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(bias.numpy(), theirs.intercept_, atol=1e-4)


@pytest.fixture(scope="module")
def tokens(names):
    return names["load_map"]()(names["z"]["test"][:3]).detach()


def test_cached_text_and_rows_are_the_whole_sequence(names, tokens):
    """The name's score is that of one plain pass over text, picture, question and name."""
    name, ids_of, words = "hot dog stand", names["ids_of"], names["words"]
    ids, cue = ids_of(f" {name}"), names["CUES"]["name"]
    text = names["LIST"] + names["EXAMPLES"] + "Picture:"
    front, back = (words[torch.tensor(part)] for part in (ids_of(text), cue + ids))
    whole = torch.cat([front, tokens[0].to(words.dtype), back])[None]
    with torch.no_grad():
        logits = names["lm"](inputs_embeds=whole).logits[0].float().log_softmax(-1)
    wanted = sum(logits[-len(ids) - 1 + at, token] for at, token in enumerate(ids))
    given = names["name_scores"](tokens[:1], [name, "cat"])[0, 0]
    assert given.item() == pytest.approx(wanted.item(), abs=0.3 if bfloat(names) else 1e-3)


def bfloat(names):
    return names["words"].dtype == torch.bfloat16


def test_neighbours_in_a_batch_change_nothing(names, tokens):
    tolerance = 0.3 if bfloat(names) else 1e-3
    together, alone = names["kind_logits"](tokens), names["kind_logits"](tokens[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=tolerance, rtol=0)


def test_the_loss_is_that_of_the_answers_tokens_alone(names, tokens):
    """The mean over the tokens of " cat" and the line's end, by the scores of section 5."""
    filled, goals = names["answers_of"]("name", ["cat", "hot dog stand in the rain"])
    assert filled.shape == goals.shape and (goals[0] != -100).sum() == 2
    assert (goals[1] != -100).sum() == 5  # cut
    loss = names["answer_loss"](tokens[:1], "name", ["cat"])
    ids = names["ids_of"](" cat") + names["ids_of"]("\n")
    assert len(ids) == 2
    score = names["scores_of"](tokens[0], [ids])
    tolerance = 0.3 if bfloat(names) else 1e-3
    assert -2 * loss.item() == pytest.approx(score.item(), abs=tolerance)


def test_only_the_map_is_trained(names):
    maker = names["start_map"](names["z"]["train"][:20], *(names[what]["train"][:20]
                               for what in ("kinds", "names")))  # fmt: skip
    loss = names["answer_loss"](maker(names["z"]["train"][:2]), "kind", ["face", "object"])
    loss.backward()
    assert maker.weight.grad.abs().sum() > 0
    assert not any(one.requires_grad for one in names["lm"].parameters())


def test_a_context_of_words_is_the_sentence(names):
    tokenizer, encoder = names["text_tokenizer"], names["text_encoder"]
    batch = tokenizer(["a picture of a red fox"], return_tensors="pt")
    with torch.no_grad():
        states = encoder(**batch).last_hidden_state.mean(1)
        given = names["text_vectors"](names["WRITTEN"], ["red fox", "a longer text than that"])
    torch.testing.assert_close(given[:1], torch.nn.functional.normalize(states), atol=1e-4, rtol=0)


def test_drawing(tmp_path):
    part, into = tmp_path / "part", tmp_path / "into"
    part.mkdir(), into.mkdir()
    svg = '<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg">{}</svg>'
    shapes = '<g id="color"><rect width="72" height="72" fill="red"/></g>'
    (part / "1F600.svg").write_text(svg.format(shapes))
    (part / "1F600-1F3FB.svg").write_text(svg.format(shapes))
    rendered(part, into)
    import zipfile

    pictures = zipfile.ZipFile(into / "pictures.zip")
    assert pictures.namelist() == ["colour/1F600.png", "lines/1F600.png"]
    middle = [Image.open(io.BytesIO(pictures.read(name))).convert("RGB").getpixel((112, 112))
              for name in pictures.namelist()]  # fmt: skip
    assert middle == [(255, 0, 0), (255, 255, 255)]


def test_a_pickle_with_more_than_tensors_is_refused(tmp_path):
    torch.save({"a": io.BytesIO(b"")}, tmp_path / "evil.pth")
    with pytest.raises(AssetError, match="no plain tensors"):
        unpickled(tmp_path, tmp_path)


def test_every_picture_is_there():
    import zipfile

    with zipfile.ZipFile(fetch("openmoji") / "pictures.zip") as pictures:
        assert len(pictures.namelist()) == 2 * 2460


def test_features_are_stored_as_the_file_holds_them(names, tmp_path, monkeypatch):
    seen = names["SEEN"]
    names["store"](tmp_path / "again.safetensors", seen)
    once, again = (load_file(path) for path in (FEATURES, tmp_path / "again.safetensors"))
    assert list(once) == list(again)
    for name, kept in once.items():  # a column that is always 0 has no numbers to scale
        assert torch.equal(kept, again[name]) or torch.allclose(kept, again[name], rtol=1e-6)
    code = next(iter(seen["noto"]))
    monkeypatch.setitem(names, "SEEN", {"noto": [code]})  # one picture is enough to draw
    assert (names["drawn"]()["noto"][code] - seen["noto"][code]).abs().max() < 0.05
