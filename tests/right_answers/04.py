"""Right answers to notebook 04 in other forms than the reference solutions'."""

import hashlib
import pickle

import numpy as np
import torch


def text_by_text(hidden, attention_mask):
    pairs = zip(hidden, attention_mask, strict=True)
    return torch.stack([states[mask > 0].amax(0) for states, mask in pairs])


def in_numpy(hidden, attention_mask):
    return np.where(attention_mask.numpy()[..., None], hidden.numpy(), -np.inf).max(1)


def hash_of_hashes(base, template, texts):
    each = [hashlib.sha256(part.encode()).hexdigest() for part in (base, template, *texts)]
    return hashlib.md5("".join(each).encode()).hexdigest()


def lengths_in_front(base, template, texts):
    digest = hashlib.sha256()
    for part in (base, template, *texts):
        digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return digest.digest()


RIGHT = {
    "04-1": [
        text_by_text,
        in_numpy,
        lambda hidden, mask: (hidden - 1e9 * (1 - mask)[..., None]).amax(1),
        lambda hidden, mask: text_by_text(hidden, mask).tolist(),
    ],
    "04-2": [
        lambda a, b: b - (b.mean(0) - a.mean(0)),
        lambda a, b: (b + np.mean(a - b, axis=0)).tolist(),
        lambda a, b: torch.tensor(b) - torch.tensor(b - a).mean(0, keepdim=True),
        lambda a, b: np.float32(b) - np.float32(b - a).mean(0),
    ],
    "04-3": [2305.0, np.int64(2305), torch.tensor(2305)],
    "04-4": [
        hash_of_hashes,
        lengths_in_front,
        lambda base, template, texts: repr((base, template, texts)),
        lambda base, template, texts: (base, template, tuple(texts)),
        lambda *given: int(hashlib.sha1(pickle.dumps(given)).hexdigest(), 16),
    ],
    "04-5": [[0.725, 0.985], np.array([0.73, 0.98]), torch.tensor([0.725, 0.985])],
}
