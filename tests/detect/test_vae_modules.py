"""Networks and functions of the user's own: they are copied, checked, and asked for again."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import amiss
from amiss.detect import AEGMM, VAE, VAEGMM
from amiss.errors import AmissError, ModelError, UsageError

DETECTORS = [VAE, AEGMM, VAEGMM]
# A few steps: what is learnt does not matter for most of this.
SMALL = {
    "hidden": (8,), "latent": 2, "epochs": 200, "patience": 1, "validation_fraction": 0.3,
    "learning_rate": 1e-3, "n_networks": 1, "folds": 0, "n_components": 2, "random_state": 0,
}  # fmt: skip


def _rows(n=100):
    base = np.random.default_rng(0).normal(size=(n, 2))
    return np.column_stack([base, base.sum(axis=1), base @ [1.0, -1.0]])


X = _rows()
ODD = np.array([[1.0, 1.0, -2.0, 0.0]])


class Whole(nn.Module):
    """Encodes and decodes."""

    def __init__(self, latent=2, variational=True):
        super().__init__()
        self.variational = variational
        self.into = nn.Linear(4, 2 * latent if variational else latent)
        self.out = nn.Linear(latent, 4)

    def encode(self, x):
        encoded = self.into(x)
        return tuple(encoded.chunk(2, dim=1)) if self.variational else encoded

    def decode(self, z):
        return self.out(z)


def _encoder(detector=VAE):
    # Of an autoencoder that is not variational, what the encoder gives is the encoding.
    width = 6 if detector.variational else 2
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, width))


def _decoder():
    return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 4))


def _density():
    return nn.Sequential(nn.Linear(2 + 2, 3), nn.Softmax(dim=1))


def _three_features(x, reconstruction):
    error = (x - reconstruction).abs()
    return torch.stack([error.mean(dim=1), error.amax(dim=1), error.amin(dim=1)], dim=1)


def _absolute(x, reconstruction):
    return (x - reconstruction).abs().flatten(1).sum(dim=1)


def _parameters(detector):
    """Return sets of parameters of the user's own, by what they are."""
    found = {
        "encoder": {"encoder": _encoder(detector)},
        "decoder": {"decoder": _decoder()},
        "both": {"encoder": _encoder(detector), "decoder": _decoder()},
        "module": {"module": Whole(variational=detector.variational)},
        "loss": {"loss_function": _absolute},
    }
    if detector is not VAE:
        found["density"] = {"density": _density()}
        found["recon"] = {"recon_function": _three_features}
    return found


CASES = [(detector, case) for detector in DETECTORS for case in _parameters(detector)]


@pytest.mark.parametrize(("detector", "case"), CASES, ids=lambda v: getattr(v, "name", v))
def test_what_the_user_gives_is_used_and_left_as_it_was(detector, case, tmp_path):
    given = _parameters(detector)[case]
    before = {
        name: copy.deepcopy(value.state_dict())
        for name, value in given.items()
        if isinstance(value, nn.Module)
    }
    # After a few steps, what the mixture of the density network is told shows in its score alone.
    small = SMALL | ({"score_type": "energy"} if case in ("density", "recon") else {})
    fitted = detector(**small, **given).fit(X)
    for name, weights in before.items():
        assert given[name].training
        for key, value in given[name].state_dict().items():
            assert torch.equal(value, weights[key]), f"{name} was trained in place"
            assert value.dtype == weights[key].dtype
    scores = fitted.anomaly_score(np.concatenate([X, ODD]))
    assert np.isfinite(scores).all()
    assert fitted.transform(X).shape == (len(X), 2)
    assert fitted.reconstruct(X).shape == X.shape
    plain = detector(**small).fit(X)
    assert not np.allclose(plain.anomaly_score(X), scores[:-1]), "what was given is not used"
    # What is saved is without it, and says so.
    path = tmp_path / "own.amiss"
    with pytest.warns(UserWarning, match="cannot be stored") as caught:
        fitted.save(path)
    asked = str(caught[0].message)
    assert all(repr(name) in asked for name in given)
    with pytest.raises(ModelError, match=rf"{next(iter(given))}.*modules="):
        amiss.load(path)
    # Modules of other weights serve as well: those that were learnt are in the file.
    again = amiss.load(path, modules=_parameters(detector)[case])
    np.testing.assert_array_equal(again.anomaly_score(np.concatenate([X, ODD])), scores)
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    assert again.judge(ODD).threshold == fitted.judge(ODD).threshold


def test_all_that_is_missing_is_asked_for_at_once(tmp_path):
    path = tmp_path / "own.amiss"
    given = {"encoder": _encoder(), "decoder": _decoder(), "loss_function": _absolute}
    with pytest.warns(UserWarning, match=r"'decoder': …, 'encoder': …, 'loss_function': …"):
        VAE(**SMALL, **given).fit(X).save(path)
    with pytest.raises(ModelError, match=r"decoder.*loss_function"):
        amiss.load(path, modules={"encoder": _encoder()})
    with pytest.raises(AmissError, match="nonsense"):
        amiss.load(path, modules={**given, "nonsense": _encoder()})
    with pytest.raises(ModelError):
        amiss.load(path, modules={**given, "decoder": nn.Linear(2, 4)})


def test_without_modules_nothing_is_asked_for(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VAE(**SMALL).fit(X).save(tmp_path / "plain.amiss")
    amiss.load(tmp_path / "plain.amiss")


def test_the_members_of_a_given_network_are_trained_apart():
    fitted = VAE(**SMALL | {"n_networks": 2}, module=Whole()).fit(X)
    first, second = (network.encoder.members[0] for network in fitted.networks_)
    assert not torch.equal(first.into.weight, second.into.weight)


def test_a_loss_of_the_users_own_is_what_is_learnt():
    def first_column(x, reconstruction):
        return (x - reconstruction)[:, 0] ** 2

    quick = SMALL | {"patience": 200, "beta": 0.0, "learning_rate": 0.02}
    fitted = VAE(**quick, loss_function=first_column).fit(X)
    error = fitted.feature_score(X).mean(axis=0)
    assert error[0] < 0.05
    assert (error[1:] > 0.5).all()


def test_features_of_the_reconstruction_may_be_the_users_own():
    fitted = AEGMM(**SMALL, recon_function=_three_features).fit(X)
    features = fitted.recon_features(X)
    assert features.shape == (len(X), 3)
    assert (features[:, 1] >= features[:, 0]).all()
    assert (features[:, 0] >= features[:, 2]).all()


@pytest.mark.parametrize(
    ("detector", "given", "message"),
    [
        (VAE, {"encoder": nn.Linear(5, 2)}, r"encoder does not take items of shape \(4,\)"),
        (VAE, {"encoder": nn.Unflatten(1, (2, 2))}, r"encoder gives shape \(2, 2, 2\).*\(2, k\)"),
        (VAE, {"encoder": nn.LSTM(4, 2)}, r"encoder gives a tuple .*expected \(2, k\)"),
        (VAE, {"decoder": nn.Linear(3, 4)}, r"do not fit items of shape \(4,\).*\(n, latent\)"),
        (VAE, {"decoder": nn.Linear(2, 3)}, r"do not fit items of shape \(4,\)"),
        (VAE, {"decoder": nn.LSTM(2, 4)}, r"do not fit items of shape \(4,\)"),
        (
            AEGMM,
            {"encoder": nn.Linear(4, 3), "decoder": nn.Linear(2, 4)},
            r"do not fit items of shape \(4,\)",
        ),
        (VAE, {"module": nn.Linear(4, 4)}, "module Linear has no methods encode and decode"),
        (VAE, {"module": Whole(variational=False)}, r"one tensor; expected \(mean, log variance\)"),
        (VAEGMM, {"module": Whole(variational=False)}, "expected .mean, log variance"),
        (VAE, {"module": Whole(), "encoder": _encoder()}, "module and encoder or decoder"),
        (AEGMM, {"module": Whole(), "decoder": _decoder()}, "module and encoder or decoder"),
    ],
)
def test_modules_that_do_not_fit_are_refused(detector, given, message):
    with pytest.raises(UsageError, match=message):
        detector(**SMALL, **given).fit(X)


def test_a_module_may_be_for_images():
    images = np.random.default_rng(0).random((30, 3, 6, 5)).astype(np.float32)
    encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 3, 8))
    decoder = nn.Sequential(nn.Linear(2, 3 * 6 * 5), nn.Sigmoid(), nn.Unflatten(1, (3, 6, 5)))
    fitted = VAE(**SMALL, encoder=encoder, decoder=decoder).fit(images)
    assert fitted.reconstruct(images).shape == images.shape
    with pytest.raises(UsageError, match=r"items of shape \(3, 6, 5\)"):
        VAE(**SMALL, decoder=nn.Linear(2, 89)).fit(images)
    # A decoder may leave the pixels in one row.
    VAE(**SMALL, decoder=nn.Linear(2, 90)).fit(images)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"loss_function": lambda x, r: ((x - r) ** 2).mean()}, "loss_function fail"),
        ({"loss_function": lambda x, r: (x - r) ** 2}, "loss_function fail"),
        ({"density": nn.Linear(3, 2)}, "density fail"),
        ({"recon_function": lambda x, r: (x - r).sum(1)}, "recon_function gives shape"),
    ],
)
def test_what_would_fail_late_in_training_is_said_before_it(parameters, said):
    X = np.random.default_rng(0).normal(size=(20, 4))
    with pytest.raises(UsageError, match=said):
        AEGMM(hidden=(4,), epochs=1, random_state=0, **parameters).fit(X)


class _SinglePrecision(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x.float())


def test_a_module_that_cannot_score_in_double_precision_is_refused_before_training():
    X = np.random.default_rng(0).normal(size=(20, 4))
    with pytest.raises(UsageError, match=r"encoder fail .* in torch\.float64"):
        VAE(hidden=(4,), epochs=1, encoder=_SinglePrecision()).fit(X)


class _Viewing(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, x):
        return self.convolution(x).view(len(x), -1)


def test_a_module_may_ask_for_views_of_images():
    images = np.random.default_rng(0).random((6, 3, 4, 4)).astype(np.float32)
    detector = VAE(encoder=_Viewing(), hidden=(4,), latent=2, epochs=1, folds=0, random_state=0)
    assert np.isfinite(detector.fit(images).anomaly_score(images)).all()
