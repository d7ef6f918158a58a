"""Mistakes that a reader of notebook 04 may well make."""

import hashlib

import torch


def padding_of(attention_mask):
    return attention_mask.unsqueeze(-1) == 0


def joined(mark):
    return lambda base, template, texts: mark.join((base, template, *texts))


WRONG = {
    "04-1": [
        (lambda hidden, mask: hidden.amax(1), "padding took part"),
        (lambda hidden, mask: (hidden * mask.unsqueeze(-1)).amax(1), "zeros"),
        (
            lambda hidden, mask: hidden.masked_fill(padding_of(mask), -torch.inf).amax(2),
            "(batch, hidden)",
        ),
        (
            lambda hidden, mask: hidden.masked_fill(padding_of(mask), -torch.inf).max(1),
            "Return a tensor",
        ),
        (lambda hidden, mask: hidden.masked_fill(padding_of(mask), -10).amax(1), "-torch.inf"),
    ],
    "04-2": [
        (lambda a, b: b - (b - a), "not each shift"),
        (lambda a, b: b - b.mean(0), "should be that of a"),
        (lambda a, b: b - b.mean() + a.mean(), "axis 0"),
        (lambda a, b: b + b.mean(0) - a.mean(0), "other way"),
    ],
    "04-3": [
        (2304, "cost the same"),
        (1153, "two FLOP"),
        (1537, "four matrices"),
        (769, "feed-forward"),
        ("2305", "Give a number"),
    ],
    "04-4": [
        (lambda base, template, texts: base + template + repr(texts), "weights and template"),
        (lambda *given: str(hash((*given[:2], tuple(given[2])))), "another tomorrow"),
        (lambda base, template, texts: template + str(texts), "forgets the weights"),
        (lambda base, template, texts: base + str(texts), "forgets the template"),
        (lambda base, template, texts: base + template + str(len(texts)), "forgets the texts"),
        (lambda base, template, texts: base + template + str(sorted(texts)), "the order"),
        (
            lambda base, template, texts: hashlib.sha256(
                (base + template + " ".join(texts)).encode()
            ).hexdigest(),
            "joined into one",
        ),
        (lambda base, template, texts: base + template + "\n".join(texts), "template and text"),
        *[(joined(mark), f"may hold {mark!r}") for mark in ("|", "\0", " ; ", "[SEP]", "', '")],
        (
            lambda base, template, texts: repr((base, template, len(texts), "".join(texts))),
            "though you count them",
        ),
        (lambda base, template, texts: repr((base, template, list(dict.fromkeys(texts)))), "twice"),
        (lambda base, template, texts: f"{base}|{template}|{texts}", "may hold '|'"),
        (lambda *given: repr(given).lower(), "forgets capitals"),
        (lambda *given: f"features-{hash(repr(given))}", "another tomorrow"),
    ],
    "04-5": [
        ((0.985, 0.725), "swapped"),
        ((0.768, 0.985), "take front"),
        ((145, 197), "at most 1"),
        (0.985, "two numbers"),
        ((0.52, 0.98), "first 200"),
    ],
}
