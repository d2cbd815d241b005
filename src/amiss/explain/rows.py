"""Why a row or an image is odd: the columns, or the regions, that deviate most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amiss.explain.attribution import Attributions
from amiss.types import Feature, Judgement, Region

MOST_FEATURES = 5
_FALLBACK_SHARE = 0.01  # of the pixels, where none by itself lies above the threshold
_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}


def explain_judged(
    judgement: Judgement,
    usual: NDArray[np.float64] | None = None,
    most: int = MOST_FEATURES,
) -> list[tuple[Feature, ...]]:
    """Return for each row or image what deviates most, the worst first.

    Of a row these are its columns with the highest scores. Of an image they are regions: pixels
    beyond the feature threshold that touch are one, and each is named by the channel with most of
    its score. Where no pixel lies beyond the threshold, those with the highest 1 % of the scores
    are taken: what is odd then is spread thinly.

    Parameters
    ----------
    judgement : Judgement
    usual : ndarray of float64, shape (2, n_features), optional
        Between which values normal rows mostly lie. What is reconstructed well may still be odd.
    most : int
        Columns or regions of each.

    Examples
    --------
    >>> odd = Judgement(
    ...     score=np.array([9.0]), threshold=1.0, is_anomaly=np.array([True]),
    ...     feature_score=np.array([[0.5, 9.0]]), feature_threshold=1.0,
    ...     feature_is_anomaly=np.array([[False, True]]), values=np.array([[1.0, 511.0]]),
    ...     reconstruction=np.array([[1.2, 3.0]]), feature_names=("duration", "count"),
    ... )
    >>> [(f.name, f.value, f.expected) for f in explain_judged(odd)[0]]
    [('count', 511.0, 3.0), ('duration', 1.0, 1.2)]
    """
    if judgement.feature_score.ndim == 2:
        return [_columns(judgement, usual, at, most) for at in range(len(judgement))]
    return [_regions(judgement, at, most) for at in range(len(judgement))]


def explain_attributed(
    found: Attributions,
    names: tuple[str, ...],
    usual: NDArray[np.float64] | None = None,
    most: int = MOST_FEATURES,
) -> list[tuple[Feature, ...]]:
    """Return for each row the columns that add most to its score, the most first.

    Columns that add nothing are left out: of a row that is usual in all of them there is none.

    Parameters
    ----------
    found : Attributions
    names : tuple of str
        Of the columns.
    usual, most : as `explain_judged`

    Examples
    --------
    >>> found = Attributions(np.array([[-0.5, 12.0]]), np.array([12.5]), 1.0, np.array([[3, 96]]))
    >>> [(f.name, f.value, f.score) for f in explain_attributed(found, ("lines", "errors"))[0]]
    [('errors', 96.0, 12.0)]
    """
    return [
        tuple(
            Feature(
                names[i],
                float(found.rows[at, i]),
                None,
                float(found.values[at, i]),
                None if usual is None else (float(usual[0, i]), float(usual[1, i])),
            )
            for i in columns
            if found.values[at, i] > 0
        )
        for at, columns in enumerate(found.top(most))
    ]


def _columns(
    judgement: Judgement, usual: NDArray[np.float64] | None, at: int, most: int
) -> tuple[Feature, ...]:
    scores = judgement.feature_score[at]
    names = judgement.feature_names or tuple(f"column {i + 1}" for i in range(len(scores)))
    order = np.argsort(-scores, kind="stable")[:most]
    return tuple(
        Feature(
            names[i],
            float(judgement.values[at, i]),
            float(judgement.reconstruction[at, i]),
            float(scores[i]),
            None if usual is None else (float(usual[0, i]), float(usual[1, i])),
        )
        for i in order
    )


def _regions(judgement: Judgement, at: int, most: int) -> tuple[Feature, ...]:
    from scipy.ndimage import find_objects, label

    scores = judgement.feature_score[at]
    mask = judgement.feature_is_anomaly[at].any(axis=0)
    if not mask.any():
        pixels = scores.max(axis=0)
        mask = pixels >= np.quantile(pixels, 1 - _FALLBACK_SHARE)
    # Corners touch too: a thin diagonal stroke is one region.
    labelled, count = label(mask, structure=np.ones((3, 3)))
    sums = np.array(
        [np.bincount(labelled.ravel(), channel.ravel(), count + 1)[1:] for channel in scores]
    )
    boxes = find_objects(labelled)
    names = _CHANNELS.get(len(scores)) or [f"channel {i + 1}" for i in range(len(scores))]
    found = []
    for region in np.argsort(-sums.sum(axis=0), kind="stable")[:most]:
        channel = int(sums[:, region].argmax())
        rows, columns = boxes[region]
        inside: NDArray[np.bool_] = labelled == region + 1
        found.append(
            Feature(
                names[channel],
                float(judgement.values[at, channel][inside].mean()),
                float(judgement.reconstruction[at, channel][inside].mean()),
                float(sums[channel, region]),
                region=Region(
                    columns.start, rows.start,
                    columns.stop - columns.start, rows.stop - rows.start,
                ),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda feature: -feature.score))
