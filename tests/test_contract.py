"""Every detector of the catalogue keeps the contract."""

import pytest

from amiss.detect import CATALOGUE, LSTMAutoencoder, NearestProfile, NGrams, get_detector
from amiss.testing import CHECKS

SMALL = {
    "aegmm": {"hidden": (16, 8)},
    "event-pair": {"embedding": 8, "hidden": 8, "dense": 8},
    "lstm-autoencoder": {"timesteps": 8, "layers": (8, 4), "epochs": 10},
    "two-stage": {
        "autoencoder": LSTMAutoencoder(
            timesteps=4, layers=(4, 2), epochs=4, folds=2, score_type="error", random_state=0
        )
    },
    "event-seq2seq": {
        "source_length": 4,
        "target_length": 2,
        "embedding": 8,
        "hidden": 8,
        "epochs": 4,
    },
    "trace-ensemble": {"members": [("n-grams", NGrams()), ("profile", NearestProfile())]},
    "vae": {"hidden": (16, 8)},
    "vaegmm": {"hidden": (16, 8)},
}


def _quick(name):
    detector = get_detector(name)(**SMALL.get(name, {}))
    parameters = detector.get_params(deep=False)
    if "random_state" in parameters:
        detector.set_params(random_state=0)
    return detector


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CATALOGUE)
def test_detector_keeps_the_contract(name, check):
    check(_quick(name))


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_names_agree_with_the_classes(name):
    assert get_detector(name).name == name
