"""Tune MiniLM so that requests with one intent lie together, whatever their words.

    pip install torch
    python -m bench.tune_encoder MODEL.zip TUNED.npz [--check 60]

``MODEL.zip`` is that of ``bench/make_vectors.py``. It learns from requests of hundreds of intents,
none of them WLM's own (``bench/elsewhere.py``), by supervised contrast (Khosla et al., 2020,
arXiv:2004.11362): a batch holds a few requests each of many intents, half of these siblings from
one domain; each is drawn to its own and pushed from all others. Requests that Whisper misheard are
drawn to what was said. The embeddings and the first layer stay as they are. ``--check``: so many
intents are kept from it and told apart by the middles of five requests each, to choose by.
Takes about ten minutes on two cores; ``bench/make_encoder.py --tuned`` makes the router's file.
"""

from __future__ import annotations

import argparse
import math
import random
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.elsewhere import misheard, requests
from bench.make_vectors import HEADS, kept_pieces, read_vocabulary, read_weights
from wlm.pipeline.route.encoder import Encoder as Shipped

WIDTH = 384
LAYERS = 6
UNTOUCHED = ("embeddings", "pooler", "encoder.layer.0.")
INTENTS, EACH = 32, 4
"""Intents of a batch, and requests of each."""
FAMILY = 6
"""Siblings that come together, at most."""
PAIRS, PAIRS_WEIGHT = 32, 0.5
SHARPNESS = 0.07
RATE, WARM = 6e-5, 0.1
DROPPED = 0.1
GROUPS = 4
"""Parts of a batch by length: so little is padded."""

Ids = Sequence[int]


class Encoder(nn.Module):
    """MiniLM with the router's word pieces."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self.names = list(weights)
        self.values = nn.ParameterList(
            nn.Parameter(
                torch.tensor(np.array(weights[name])),
                requires_grad=not name.startswith(UNTOUCHED),
            )
            for name in self.names
        )

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors (n, 384) of padded ids (n, length)."""
        w = dict(zip(self.names, self.values, strict=True))
        n, length = ids.shape
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][:length]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._dropped(_norm(w, x, "embeddings.LayerNorm"))
        seen = mask[:, None, None, :].bool().expand(n, HEADS, length, length)
        for layer in range(LAYERS):
            x = self._layer(w, x, seen, f"encoder.layer.{layer}")
        x = (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return functional.normalize(x, dim=1)

    def _layer(self, w: Mapping[str, Tensor], x: Tensor, seen: Tensor, at: str) -> Tensor:
        n, length, width = x.shape
        query, key, value = (
            _linear(w, x, f"{at}.attention.self.{name}")
            .view(n, length, HEADS, width // HEADS)
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, dropout_p=DROPPED if self.training else 0.0
        )
        mixed = mixed.transpose(1, 2).reshape(n, length, width)
        mixed = self._dropped(_linear(w, mixed, f"{at}.attention.output.dense"))
        x = _norm(w, x + mixed, f"{at}.attention.output.LayerNorm")
        inner = functional.gelu(_linear(w, x, f"{at}.intermediate.dense"))
        inner = self._dropped(_linear(w, inner, f"{at}.output.dense"))
        return _norm(w, x + inner, f"{at}.output.LayerNorm")

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, DROPPED, self.training)

    def of(self, rows: Sequence[Ids]) -> Tensor:
        """Unit vectors of ids of any length, in their order."""
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        size = min(256, math.ceil(len(order) / GROUPS))
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        found = torch.cat([self(*_padded([rows[at] for at in part])) for part in parts])
        return found[torch.argsort(torch.tensor(order))]


def _linear(w: Mapping[str, Tensor], x: Tensor, name: str) -> Tensor:
    return functional.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def _norm(w: Mapping[str, Tensor], x: Tensor, name: str) -> Tensor:
    return functional.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-12)


def _padded(rows: Sequence[Ids]) -> tuple[Tensor, Tensor]:
    ids = nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    mask = nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], batch_first=True)
    return ids, mask


def together(vectors: Tensor, intents: Tensor) -> Tensor:
    """How far requests of one intent are from being each other's nearest."""
    itself = torch.eye(len(intents), dtype=torch.bool)
    near = (vectors @ vectors.T / SHARPNESS).masked_fill(itself, -1e9)
    chances = near - torch.logsumexp(near, 1, keepdim=True)
    same = (intents[:, None] == intents[None]) & ~itself
    return -((chances * same).sum(1) / same.sum(1)).mean()


def alike(said: Tensor, heard: Tensor) -> Tensor:
    """How far what was heard is from being nearest to what was said."""
    return functional.cross_entropy(heard @ said.T / SHARPNESS, torch.arange(len(said)))


def chosen(dice: random.Random, names: Sequence[str]) -> list[str]:
    """The intents of a batch: half by domain, so that siblings meet."""
    domains: dict[str, list[str]] = {}
    for name in names:
        domains.setdefault(name.partition(".")[0], []).append(name)
    found: dict[str, None] = {}
    while len(found) < INTENTS // 2:
        domain = domains[dice.choice(list(domains))]
        found |= dict.fromkeys(dice.sample(domain, min(len(domain), FAMILY)))
    rest = [name for name in names if name not in found]
    return [*found, *dice.sample(rest, max(0, INTENTS - len(found)))][:INTENTS]


def tune(
    encoder: Encoder,
    known: Mapping[str, Sequence[Ids]],
    pairs: Sequence[tuple[Ids, Ids]],
    steps: int,
    checked: Mapping[str, Sequence[Ids]],
) -> None:
    """Change the encoder's weights, telling how it goes."""
    dice = random.Random(1)
    moving = [value for value in encoder.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(moving, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / (WARM * steps)) * (1 - step / steps)
    )
    print(f"before   {told_apart(encoder, checked)}", flush=True)
    total = 0.0
    for step in range(1, steps + 1):
        names = chosen(dice, list(known))
        rows = [dice.sample(list(known[name]), EACH) for name in names]
        intents = torch.arange(len(names)).repeat_interleave(EACH)
        loss = together(encoder.of([row for group in rows for row in group]), intents)
        if pairs:
            some = dice.sample(pairs, min(PAIRS, len(pairs)))
            said, heard = (encoder.of(part) for part in zip(*some, strict=True))
            loss = loss + PAIRS_WEIGHT * alike(said, heard)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(moving, 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % 50 == 0:
            print(f"{step:4}  loss {total / 50:.3f}  {told_apart(encoder, checked)}", flush=True)
            total = 0.0


@torch.no_grad()
def told_apart(encoder: Encoder, known: Mapping[str, Sequence[Ids]]) -> str:
    """The share of requests nearest to the middle of five of their own intent."""
    if not known:
        return ""
    encoder.eval()
    vectors = encoder.of([row for rows in known.values() for row in rows]).numpy()
    encoder.train()
    intents = np.repeat(np.arange(len(known)), [len(rows) for rows in known.values()])
    shares = []
    for seed in range(10):
        dice = np.random.default_rng(seed)
        few = [dice.permutation(np.flatnonzero(intents == at))[:5] for at in range(len(known))]
        middles = np.array([vectors[rows].mean(0) for rows in few])
        middles /= np.linalg.norm(middles, axis=1, keepdims=True)
        rest = np.delete(np.arange(len(intents)), np.concatenate(few))
        shares.append(((vectors[rest] @ middles.T).argmax(1) == intents[rest]).mean())
    return f"{len(known)} unknown intents, five requests of each: {np.mean(shares):.4f} right"


def main() -> None:
    """Tune, and keep the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--check", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(1)
    with zipfile.ZipFile(args.model) as archive:
        vocabulary, weights = read_vocabulary(archive), read_weights(archive)
    rows = [vocabulary[p] for p in ("[CLS]", "[SEP]", "[UNK]", *kept_pieces(vocabulary))]
    words = "embeddings.word_embeddings.weight"
    encoder = Encoder({**weights, words: weights[words][rows]})
    as_ids = Shipped.load()._ids
    known = {name: [as_ids(text) for text in texts] for name, texts in requests().items()}
    names = sorted(known)
    random.Random(0).shuffle(names)
    checked = {name: known.pop(name) for name in names[: args.check]}
    pairs = [(as_ids(said), as_ids(heard)) for said, heard in misheard()]
    print(f"{len(known)} intents, {sum(map(len, known.values()))} requests, {len(pairs)} misheard")
    tune(encoder.train(), known, pairs, args.steps, checked)
    tuned = zip(encoder.names, encoder.values, strict=True)
    np.savez(args.out, **{name: value.detach().numpy() for name, value in tuned})


if __name__ == "__main__":
    main()
