"""`python -m bench.make_encoded`: the encoder's vectors of the none pool, for quick training.

Run it after a change of the encoder or of the none pool, before ``bench.make_router``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import wlm.pipeline.route
from wlm.pipeline.route.closer import KNOWN
from wlm.pipeline.route.encoder import Encoder
from wlm.pipeline.route.model import phrase_hash
from wlm.pipeline.route.samples import make_samples
from wlm.pipeline.route.training import recipe_of

LANGUAGE = "en"


def main() -> None:
    """Write ``encoded_en.npz``: int8 with one scale a row, sorted by the hash of the text."""
    samples = make_samples({}, LANGUAGE, expansions=recipe_of(LANGUAGE).expansions)
    texts = {phrase_hash(sample.text): sample.text for sample in samples}
    keys = sorted(texts)
    vectors = Encoder.load().batch([texts[key] for key in keys])
    scale = np.abs(vectors).max(1) / 127
    path = Path(wlm.pipeline.route.__path__[0]) / KNOWN.format(language=LANGUAGE)
    matrix = np.rint(vectors / scale[:, None]).astype(np.int8)
    np.savez(path, keys=np.array(keys, np.uint64), matrix=matrix, scale=scale)
    print(f"{len(keys)} texts, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
