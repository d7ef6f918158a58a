"""Train ReviewBERT: all-MiniLM-L6-v2, pretrained further as a masked language model on IMDB text.

    python data/reviewbert.py words --tokens 5500000
    python data/reviewbert.py opinions --tokens 5000000
    python data/reviewbert.py verdicts --tokens 1400000

The embeddings and the two lowest layers stay frozen; the four top layers and a new masked-LM head,
tied to the embeddings, are trained on the reviews of the training and validation split without
their labels. No test review is read. Each stage goes on from the result of the one before: the
first hides any word alike; the second hides words of praise and blame far more often than others,
in shorter pieces; the third reads one sentence and a prompt, and fills the prompt's blank with the
words of praise and blame that the reviewer used elsewhere in the review.
Written to data/: ``reviewbert.safetensors`` (what was trained, in float16) and ``reviewbert.csv``
(the curve). An interrupted run goes on from its checkpoint, which a finished run removes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm
from transformers import BertForMaskedLM

from helpers.assets import fetch, sha256
from helpers.checkpoints import Checkpoint, Checkpoints, TrainingError
from helpers.data import load_reviews
from helpers.models import DEFAULT_ENCODER, load_encoder
from helpers.templates import batches_by_length, pad

HERE = Path(__file__).resolve().parent
TOP_LAYERS, BATCH_TOKENS, WARM_UP = 4, 4096, 50
MUON_LR, ADAM_LR = 2e-3, 1e-3


class Stage(NamedTuple):
    window: int  # longest piece, [CLS] and [SEP] included
    masked: float  # share of the tokens that are hidden
    opinions: float  # share of the opinion words that are hidden


STAGES = {
    "words": Stage(128, 0.2, 0.2),
    "opinions": Stage(64, 0.13, 0.6),
    "verdicts": Stage(40, 0.13, 0.13),
}
# What the stage "verdicts" teaches the model to read; other wordings it never sees.
PROMPTS = ("{} it was [MASK] .", "{} the movie is [MASK] .", "{} a [MASK] film .", "{} [MASK] .")

# What a blank in a review should be filled with. Hiding what a task needs more often than the rest
# follows Gu et al. (2020), "Train no evil", and Tian et al. (2020), "SKEP".
OPINION_WORDS = """
    amazing annoying avoid awesome awful awkward bad badly beautiful beautifully best better
    bland boring brilliant charming cheap classic clever compelling confusing crap decent
    delightful disappointed disappointing disappointment dull dumb embarrassing empty engaging
    enjoy enjoyable enjoyed entertaining excellent exciting fails failed fantastic fascinating
    favorite favourite fine flat fresh fun funny garbage gem good gorgeous great gripping hate
    hated hilarious honest horrible impressive incredible intelligent interesting lame liked
    love loved lovely masterpiece memorable mess moving nice original outstanding painful
    pathetic perfect perfectly pleasant pointless poor poorly powerful predictable rare
    recommend recommended remarkable ridiculous sadly satisfying shallow silly slow smart solid
    special strong stunning stupid superb superior sweet terrible terribly terrific thrilling
    touching trash truly unfortunately waste wasted weak well witty wonderful worse worst worth
    worthless worthy""".split()
NEGATIONS = "not t no never nor hardly without nothing cannot isn wasn".split()


def chunks(tokenizer, texts, window: int = 128, shortest: int = 16) -> list[list[int]]:
    """Token ids of the reviews, [CLS] ... [SEP], cut into pieces that fit the window."""
    longest = window - 2
    ids = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    cut = [row[at : at + longest] for row in ids for at in range(0, len(row), longest)]
    start, end = [tokenizer.cls_token_id], [tokenizer.sep_token_id]
    return [start + piece + end for piece in cut if len(piece) >= shortest]


def questions(tokenizer, texts, window: int = 64, shortest: int = 5) -> tuple[list, torch.Tensor]:
    """Sentences with a prompt behind each, and what the rest of its review would put there.

    Returns:
        Token ids, [CLS] sentence prompt [SEP], and (sentences, opinion words): the shares of the
        opinion words in the other sentences of the same review, those behind a "not" left out.
    """
    ids_of = {"add_special_tokens": False, "verbose": False}
    ends = [end for _, end in (prompt.split("{}") for prompt in PROMPTS)]
    ends = tokenizer(ends, **ids_of)["input_ids"]
    words = tokenizer.convert_tokens_to_ids(OPINION_WORDS)
    column = {token: place for place, token in enumerate(words)}
    negations = {*tokenizer.convert_tokens_to_ids(NEGATIONS)}
    pieces, shares = [], []
    for text in texts:
        sentences = tokenizer(re.split(r"(?<=[.!?])\s+", text), **ids_of)["input_ids"]
        found = torch.zeros(len(sentences), len(words))
        for row, ids in enumerate(sentences):
            for at, token in enumerate(ids):
                if token in column and not negations & {*ids[max(0, at - 3) : at]}:
                    found[row, column[token]] += 1
        others = found.sum(0) - found  # (sentences, opinion words)
        for ids, counts in zip(sentences, others, strict=True):
            if len(ids) >= shortest and counts.sum() > 1:
                end = ends[len(pieces) % len(ends)]
                kept = ids[: window - 2 - len(end)]
                pieces.append([tokenizer.cls_token_id, *kept, *end, tokenizer.sep_token_id])
                shares.append(counts / counts.sum())
    return pieces, torch.stack(shares)


def build(encoder, pieces) -> tuple[BertForMaskedLM, torch.Tensor]:
    """The model with a new head that starts at the tokens' frequencies, and their counts."""
    model = BertForMaskedLM(encoder.config).requires_grad_(False).eval()  # no dropout
    model.bert.load_state_dict(encoder.state_dict(), strict=False)  # all but the pooler
    flat = torch.tensor([token for piece in pieces for token in piece[1:-1]])
    counts = torch.bincount(flat, minlength=encoder.config.vocab_size).float()
    head = model.cls.predictions
    head.bias.copy_(((counts + 0.5) / (counts + 0.5).sum()).log())
    for part in (*model.bert.encoder.layer[-TOP_LAYERS:], head.transform):
        part.requires_grad_(True)
    head.bias.requires_grad_(True)
    return model, counts


def shares_of(stage: Stage, tokenizer) -> torch.Tensor:
    """How often each token of the vocabulary is hidden: (vocabulary,)."""
    shares = torch.full((len(tokenizer),), stage.masked)
    ids = torch.tensor(tokenizer.convert_tokens_to_ids(OPINION_WORDS))
    shares[ids] = stage.opinions
    shares[tokenizer.all_special_ids] = 0
    return shares


def hide(batch: dict, shares: torch.Tensor, mask_token_id: int, generator) -> tuple:
    """Put [MASK] at random places; the batch, the places (batch, tokens) and the answers."""
    ids = batch["input_ids"]  # (batch, tokens)
    hidden = torch.rand(ids.shape, generator=generator) < shares[ids]
    return batch | {"input_ids": ids.masked_fill(hidden, mask_token_id)}, hidden, ids[hidden]


def states(model, batch: dict, hidden: torch.Tensor) -> torch.Tensor:
    """What the head makes of the states at the masked places: (masked, hidden size)."""
    return model.cls.predictions.transform(model.bert(**batch).last_hidden_state[hidden])


@torch.no_grad()
def held_out(model, tokenizer, pieces) -> dict[str, float]:
    """Loss over the whole vocabulary and accuracy at the masked places of unseen reviews, where
    any word is hidden alike."""
    generator, losses, right = torch.Generator().manual_seed(1), [], []
    shares = shares_of(STAGES["words"], tokenizer)
    decoder = model.cls.predictions.decoder
    for rows in batches_by_length([len(piece) for piece in pieces], BATCH_TOKENS):
        batch = pad([pieces[row] for row in rows], tokenizer.pad_token_id)
        batch, hidden, answers = hide(batch, shares, tokenizer.mask_token_id, generator)
        logits = decoder(states(model, batch, hidden))  # (masked, vocabulary)
        losses.append(F.cross_entropy(logits, answers, reduction="none"))
        right.append((logits.argmax(-1) == answers).float())
    return {
        "held_out_loss": torch.cat(losses).mean().item(),
        "held_out_accuracy": torch.cat(right).mean().item(),
    }


def orthogonal(gradient, factors, steps: int, eps: float) -> torch.Tensor:
    """Muon's iteration in float32: in bfloat16, torch's own choice, it takes a CPU that does not
    know that format fifty times longer."""
    (a, b, c), tall = factors, gradient.shape[0] > gradient.shape[1]
    made = gradient.T if tall else gradient
    made = made / made.norm().clamp(min=eps)
    for _ in range(steps):
        gram = made @ made.T
        made = a * made + (b * gram + c * gram @ gram) @ made
    return made.T if tall else made


class Trainer(Checkpoints):
    """Muon for the matrices (Jordan et al. 2024: it needs about half of AdamW's tokens here), AdamW
    for the rest, one checkpoint for each."""

    def __init__(self, trained: dict, folder: Path, about: dict):
        matrices = {name: p for name, p in trained.items() if p.ndim > 1}
        others = {name: p for name, p in trained.items() if p.ndim < 2}
        muon = torch.optim.Muon(
            matrices.values(), MUON_LR, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
        )
        adamw = torch.optim.AdamW(others.values(), ADAM_LR, weight_decay=0.0)
        parts = [
            Checkpoint(folder / f"reviewbert-checkpoint-{name}.safetensors", *part, about)
            for name, *part in (("muon", matrices, muon), ("adamw", others, adamw))
        ]
        super().__init__(parts)

    def step(self, loss: torch.Tensor, rate: float) -> None:
        """One step down ``loss``, at the share ``rate`` of the full learning rates."""
        loss.backward()
        for part in self.parts:
            optimizer = part.optimizer
            nn.utils.clip_grad_norm_(part.trained.values(), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = optimizer.defaults["lr"] * rate
            with patch("torch.optim._muon._zeropower_via_newtonschulz", orthogonal):
                optimizer.step()
            optimizer.zero_grad()


def train(
    reviews, tokens_to_read: float, folder: Path, stage: str = "words", every: int = 100
) -> list[dict]:
    """Train on ``reviews``, write the delta and the curve to ``folder``; the curve's rows.

    Each stage but "words" starts from the delta and the curve that it finds in ``folder``.
    """
    torch.manual_seed(0)  # of the new head
    tokenizer, encoder = load_encoder(dtype=torch.float32)
    read_texts = [*reviews["train"]["text"], *reviews["validation"]["text"]]
    window = STAGES[stage].window
    if stage == "verdicts":
        pieces, verdicts = questions(tokenizer, read_texts, window)
    else:
        pieces, verdicts = chunks(tokenizer, read_texts, window), None
    unseen = chunks(tokenizer, reviews["test"]["text"][:400])
    model, counts = build(encoder, pieces)
    common = (counts >= 20).nonzero().squeeze(1)  # the answers that are trained: (common,)
    place = torch.full((len(counts),), -100)  # rare answers have no place: no loss
    place[common] = torch.arange(len(common))
    opinions = place[tokenizer.convert_tokens_to_ids(OPINION_WORDS)]
    vocabulary = model.bert.embeddings.word_embeddings.weight[common]  # (common, hidden size)
    shares = shares_of(STAGES[stage], tokenizer)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    before = [] if stage == "words" else go_on(model, folder)
    trainer = Trainer(trained, folder, {"stage": stage, "tokens": tokens_to_read})
    history = (
        trainer.resume()
        or before
        or [
            {"step": 0, "tokens": 0, "train_loss": None, "seconds": 0}
            | held_out(model, tokenizer, unseen)
        ]
    )
    step, total, spent = (history[-1][key] for key in ("step", "tokens", "seconds"))
    first, skipped = (before[-1][key] if before else 0 for key in ("step", "tokens"))
    read, start, losses = total - skipped, time.monotonic() - spent, []
    with tqdm(total=int(tokens_to_read), initial=read, unit="token", unit_scale=True) as bar:
        while read < tokens_to_read:
            # the step chooses the batch and its masks, so a resumed run reads what it would have
            rows, generator = batch_of(step, pieces, window)
            batch = pad([pieces[row] for row in rows], tokenizer.pad_token_id)
            blank = batch["input_ids"] == tokenizer.mask_token_id  # a prompt's own [MASK]
            batch, hidden, answers = hide(batch, shares, tokenizer.mask_token_id, generator)
            bias, either = model.cls.predictions.bias[common], hidden | blank
            logits = states(model, batch, either) @ vocabulary.T + bias  # (masked, common)
            loss = F.cross_entropy(logits[hidden[either]], place[answers])
            if verdicts is not None:
                said = logits[blank[either]].log_softmax(-1)[:, opinions]  # (rows, opinion words)
                loss = loss - (verdicts[rows] * said).sum(1).mean()
            if not loss.isfinite():
                raise TrainingError(
                    f"The loss became {loss.item()} in step {step}: lower MUON_LR "
                    "and ADAM_LR, and go on from the last checkpoint."
                )
            # up over the first steps, then down to zero in a straight line
            trainer.step(loss, min((step + 1 - first) / WARM_UP, 1 - read / tokens_to_read))
            step, fresh = step + 1, int(batch["attention_mask"].sum())
            read += fresh
            losses.append(loss.item())
            bar.update(fresh)
            if step % every == 0 or read >= tokens_to_read:
                row = {
                    "step": step,
                    "tokens": skipped + read,
                    "train_loss": sum(losses) / len(losses),
                    "seconds": round(time.monotonic() - start),
                }
                history.append(row | held_out(model, tokenizer, unseen))
                trainer.save(history)
                tqdm.write(json.dumps(history[-1]))
                losses = []
    write(trained, history, folder)
    trainer.forget()
    return history


def go_on(model, folder: Path) -> list[dict]:
    """Lay the delta in ``folder`` over the model; the rows of its curve."""
    delta = load_file(folder / "reviewbert.safetensors")
    model.load_state_dict({name: tensor.float() for name, tensor in delta.items()}, strict=False)
    return pd.read_csv(folder / "reviewbert.csv").to_dict("records")


def batch_of(step: int, pieces, window: int) -> tuple[list[int], torch.Generator]:
    """The pieces of batch number ``step`` and the generator of its masks."""
    generator = torch.Generator().manual_seed(step)
    some = torch.randint(len(pieces), (8 * BATCH_TOKENS // window,), generator=generator).tolist()
    batches = list(batches_by_length([len(pieces[row]) for row in some], BATCH_TOKENS))
    chosen = batches[torch.randint(len(batches), (1,), generator=generator)]
    return [some[row] for row in chosen], generator


def write(trained: dict, history: list[dict], folder: Path) -> None:
    """The delta in float16, with the hash of the base it belongs to, and the curve."""
    path = folder / "reviewbert.safetensors"
    tensors = {name: p.detach().half().contiguous() for name, p in trained.items()}
    base = sha256(fetch(DEFAULT_ENCODER) / "model.safetensors")
    save_file(tensors, path, metadata={"base": base})
    pd.DataFrame(history).round(4).to_csv(folder / "reviewbert.csv", index=False)
    print(f"{path.name}: sha256 {sha256(path)}\nNote it in helpers/assets.py.")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("stage", choices=STAGES)
    asked.add_argument("--tokens", type=float, default=5e6, help="tokens to read in this stage")
    asked = asked.parse_args()
    train(load_reviews("imdb", (20000, 2000, 2500)), asked.tokens, HERE, asked.stage)


if __name__ == "__main__":
    main()
