"""Mistakes that a reader of notebook 00 may well make."""

WRONG = {
    "00-1": [
        (768, "a bias too"),
        (386, "weights of its own"),
        (384 + 384 + 1, "one bias for each label"),
    ],
    "00-2": [
        ("Did the writer enjoy this film?", "exactly one {}"),
        ("Is {} positive or is {} negative?", "exactly one {}"),
        ("The writer enjoyed this film. {}", "question mark"),
        ("Good? {}", "at least three words"),
        ("{}? ? ? ?", "at least three words"),
        (["Did the writer enjoy this film? {}"], "as a string"),
    ],
    "00-3": [
        (lambda trainable, total: trainable / total, "a fraction"),
        (lambda trainable, total: 100 * total / trainable, "Upside down"),
        (lambda trainable, total: 100 * trainable / (trainable + total), "5 of 200"),
    ],
}
