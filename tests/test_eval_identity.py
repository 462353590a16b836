"""Is the identity gone: distances, verification and identification against values worked out
by hand, scikit-learn and SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from blanket.errors import InputError
from blanket.eval.identification import identify
from blanket.eval.identity import (
    across_frame_distances,
    identity_distance,
    identity_switches,
    identity_variance,
    pairwise_distances,
    same_face_across,
    same_frame_distances,
)
from blanket.eval.verification import (
    Pairs,
    bootstrap,
    compare_all,
    equal_error_rate,
    roc,
    true_accept_rate,
    verify,
)
from blanket.faces import Image, Points
from blanket.recognise import Metric
from blanket.topology import load_topology

pytest.importorskip("skimage", reason="observations need the extra 'eval'")
from blanket.eval.crowd import looks_at
from blanket.eval.measure import measure
from blanket.eval.observation import Observation
from blanket.eval.people import PeopleFiles
from blanket.eval.reading import Original, Seen

LOST = [np.nan, np.nan]


@dataclass
class Given:
    """A recogniser whose embeddings are given by hand."""

    metric: Metric = "euclidean"
    threshold: float = 0.6
    name: str = "given"

    def embed(self, picture: Image, meshes: Points) -> np.ndarray:
        raise NotImplementedError


ORIGINAL = np.array([[0, 0], [0, 1], LOST, [0, 2], [0, 3]], float)
OUTPUT = np.array([[3, 4], [0, 1.5], [9, 9], LOST, [0, 3]], float)


def test_distances_frame_by_frame_and_across() -> None:
    same = same_frame_distances(Given(), ORIGINAL, OUTPUT)
    np.testing.assert_allclose(same, [5, 0.5, np.nan, np.nan, 0])
    across = across_frame_distances(Given(), ORIGINAL, OUTPUT)
    np.testing.assert_allclose(across, [10**0.5, 0.5, (81 + 36) ** 0.5, np.nan, 0])
    apart = pairwise_distances(Given("cosine"), [[1, 0], [0, 2]], [[2, 0], [-1, 0]])
    np.testing.assert_allclose(apart, [[0, 2], [1, 1]])


def test_summary_counts_what_could_not_be_compared() -> None:
    known = np.isfinite(ORIGINAL).all(1)
    found = identity_distance(Given(), same_frame_distances(Given(), ORIGINAL, OUTPUT), known)
    assert found.mean == pytest.approx(5.5 / 3)
    assert found.accepted == 0.5  # two of four, the lost one not among them
    stricter = identity_distance(Given(), [0.5, np.nan], [True, True], threshold=0.4)
    assert stricter.accepted == 0


def test_videos_of_different_length_are_refused() -> None:
    with pytest.raises(InputError, match="has 5 frames and the output 4"):
        same_frame_distances(Given(), ORIGINAL, OUTPUT[:4])
    with pytest.raises(InputError, match="differs in size"):
        same_frame_distances(Given(), ORIGINAL, np.zeros((5, 3)))


def test_variance_is_the_trace_of_the_covariance() -> None:
    rng = np.random.default_rng(0)
    e = rng.normal(size=(50, 8))
    assert identity_variance(Given(), e) == pytest.approx(np.trace(np.cov(e.T, ddof=0)))
    half = (pairwise_distances(Given(), e, e) ** 2).mean() / 2
    assert identity_variance(Given(), e) == pytest.approx(half)
    opposite = [[1, 0], [-7, 0]]
    assert identity_variance(Given("cosine"), opposite) == pytest.approx(1)
    assert identity_variance(Given(), [[1, 2]]) == 0
    assert np.isnan(identity_variance(Given(), [LOST]))


def test_switches_need_to_last() -> None:
    a, b = [0.0, 0.0], [1.0, 0.0]
    assert identity_switches(Given(), [a, a, b, a, a]) == 0
    assert identity_switches(Given(), [a, a, b, LOST, b, b, b]) == 1
    assert identity_switches(Given(), [a] * 4 + [b] * 4 + [a] * 4) == 2
    assert identity_switches(Given(), [a, b], hold=1) == 1
    assert identity_switches(Given(), [LOST, a]) == 0
    assert identity_switches(Given(), np.empty((0, 2))) == 0


def test_the_same_new_face_across_videos() -> None:
    one, other = np.array([[0, 0], [0.2, 0]]), np.array([[1.1, 0]])
    found = same_face_across(Given(), [one, one, other, [LOST]])
    assert found.mean == pytest.approx(2 / 3)
    assert found.kept == pytest.approx(1 / 3)
    assert np.isnan(same_face_across(Given(), [one]).mean)


def test_operating_points_by_hand() -> None:
    curve = roc([1, 2, 3, np.nan], [2.5, 4, 5, 6])
    assert true_accept_rate(curve, 0.0) == 0.5
    assert true_accept_rate(curve, 0.25) == 0.75
    assert true_accept_rate(curve, 0.24) == 0.5
    assert equal_error_rate(curve) == pytest.approx(0.25)
    with pytest.raises(InputError, match="pairs of two people"):
        roc([1.0], [])


scores = arrays(float, st.integers(2, 40), elements=st.integers(0, 12).map(float))


@given(scores, scores)
@settings(deadline=None, max_examples=80)
def test_operating_points_are_scikit_learns(genuine: np.ndarray, impostor: np.ndarray) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="reference for ROC")
    from scipy.optimize import brentq

    far, tar, _ = metrics.roc_curve(
        np.repeat([1, 0], [len(genuine), len(impostor)]),
        -np.concatenate([genuine, impostor]),
        drop_intermediate=False,
    )
    curve = roc(genuine, impostor)
    np.testing.assert_allclose(curve.false_accept, far)
    np.testing.assert_allclose(curve.true_accept, tar)
    for rate in (0.0, 0.1, 0.5):
        assert true_accept_rate(curve, rate) == pytest.approx(tar[far <= rate].max())
    # Along the curve, from point to point.
    steps = np.arange(len(far))
    at = brentq(lambda s: np.interp(s, steps, far) + np.interp(s, steps, tar) - 1, 0, steps[-1])
    assert equal_error_rate(curve) == pytest.approx(np.interp(at, steps, far), abs=1e-9)


def test_equal_error_rate_of_two_normals() -> None:
    from scipy.stats import norm

    rng = np.random.default_rng(1)
    curve = roc(rng.normal(0, 1, 20000), rng.normal(2, 1, 20000))
    assert equal_error_rate(curve) == pytest.approx(norm.cdf(-1), abs=0.005)


def people(apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Six people, eight pictures each, `apart` standard deviations from each other."""
    rng = np.random.default_rng(seed)
    subjects = np.repeat([f"p{i}" for i in range(6)], 8)
    centres = np.eye(6) * apart
    return np.repeat(centres, 8, axis=0) + rng.normal(0, 0.1, (48, 6)), subjects


def test_both_ends_of_every_privacy_scale() -> None:
    rng = np.random.default_rng(0)
    gallery, names = people(5)
    untouched = compare_all(Given(), gallery, names, gallery, names)
    found = verify(untouched, rng, rounds=50)
    assert found.tar_at_1e_2.value == found.tar_at_1e_3.value == 1
    assert found.tar_at_1e_2.low == 1
    assert found.eer.value == 0
    ranked = identify(Given(), gallery, names, gallery, names)
    assert ranked.rank1 == ranked.rank5 == 1

    nobody = np.full_like(gallery, np.nan)
    hidden = verify(compare_all(Given(), nobody, names, gallery, names), rng, rounds=50)
    assert hidden.tar_at_1e_2.value == hidden.tar_at_1e_3.value == 0
    assert hidden.eer.value == 0.5
    ranked = identify(Given(), nobody, names, gallery, names)
    assert ranked.rank1 == ranked.rank5 == 0


def test_people_are_compared_by_their_nearest_picture() -> None:
    pairs = compare_all(
        Given(), [[0, 0], LOST], ["a", "b"], [[1, 0], [3, 0], [0, 2], LOST], ["a", "a", "b", "c"]
    )
    np.testing.assert_allclose(pairs.genuine, [1, np.nan])
    np.testing.assert_allclose(pairs.impostor, [2, np.nan])
    assert list(pairs.genuine_of) == ["a", "b"]


def test_ranks_by_hand() -> None:
    gallery, names = [[0.0], [1.0], [2.0], [9.0]], ["a", "b", "c", "d"]
    found = identify(Given(), [[0.1], [0.2], [1.1], LOST[:1]], ["a", "b", "c", "d"], gallery, names)
    assert (found.rank1, found.rank5, found.people) == (0.25, 0.75, 4)
    with pytest.raises(InputError, match="not in the gallery: z"):
        identify(Given(), [[0.1]], ["z"], gallery, names)
    with pytest.raises(InputError, match="no face in the gallery"):
        identify(Given(), [[0.1]], ["a"], [[np.nan]], ["a"])


def test_a_recogniser_that_sees_everybody_alike_only_guesses() -> None:
    same, names = np.zeros((6, 3)), [f"p{i}" for i in range(6)]
    found = identify(Given(), same, names, same, names)
    assert found.rank1 == pytest.approx(1 / 6) and found.rank5 == pytest.approx(5 / 6)


def test_a_parrot_finds_what_the_naive_attacker_does_not() -> None:
    gallery, names = people(5)
    # A method that moves every face in the same way: far from all originals, yet as far
    # from each other as before.
    moved = np.roll(gallery, 1, axis=1)
    assert identify(Given(), moved, names, gallery, names).rank1 < 0.2
    assert identify(Given(), moved, names, moved[::-1], names[::-1]).rank1 == 1


def test_the_bootstrap_draws_subjects() -> None:
    rng = np.random.default_rng(0)
    # Of ten subjects five are always accepted and five never, 100 pairs each.
    subjects = np.repeat([f"p{i}" for i in range(10)], 100)
    genuine = np.where(np.repeat(np.arange(10), 100) < 5, 0.1, 0.9)
    pairs = Pairs(genuine, np.full(1000, 0.5), subjects, subjects)
    figures = {"tar": lambda curve: true_accept_rate(curve, 0.01)}
    interval = bootstrap(pairs, figures, rng, rounds=2000)["tar"]
    assert interval.value == 0.5
    # The ends of a binomial of ten, not of a thousand.
    assert interval.low == pytest.approx(0.2, abs=0.05)
    assert interval.high == pytest.approx(0.8, abs=0.05)
    alone = Pairs(genuine, np.full(1000, 0.5), np.full(1000, "p"), np.full(1000, "p"))
    assert np.isnan(bootstrap(alone, figures, rng)["tar"].low)


def observed(
    video: str,
    trusts: list[float],
    changed: list[bool],
    frames: int = 6,
    methods: Sequence[str] = ("mine",),
) -> Observation:
    """A video in which each person is looked at in every frame.

    trusts: of each person's mesh. changed: whether outputs show another face instead of the
    person's own.
    """
    seen = Observation(video, list(methods), min_trust=0.3, least_score=0.5)
    mesh = (load_topology().mean * 60 + 200).astype(np.float32)
    for frame in range(frames):
        seen.frames.append(frame)
        seen.times.append(frame / 30)
        seen.count += 1
        seen.looked.add(frame)
        for party in (seen.original, *seen.outputs.values()):
            party.detections[frame] = []
        for pictures in seen.pictures.values():
            pictures[frame] = {"error_outside": 0.0, "ssim_outside": 1.0, "seam": 0.0}
        originals, outputs = [], []
        for person, (trust, other) in enumerate(zip(trusts, changed, strict=True)):
            looks = {
                "expression": np.full(4, 0.25, np.float32),
                "demographics": np.array([30, 0.4], np.float32),
            }
            own, new = np.eye(8, dtype=np.float32)[[person, person + 4]]
            before = Seen(mesh, trust, {**looks, "embedding": own})
            originals.append(Original(person, person, mesh, before))
            outputs.append(Seen(mesh, trust, {**looks, "embedding": new if other else own}))
        seen.add_faces(originals, dict.fromkeys(methods, outputs))
    return seen


def test_a_leak_counts_where_the_mesh_of_the_original_is_not_trusted() -> None:
    alone = measure(observed("a.mp4", [0.1], [False]), "mine", Given(), PeopleFiles())
    assert alone["verified"] == 100 and alone["identity_distance"] == 0
    assert alone["faces_kept"] is None and alone["expression_kept"] is None
    both = observed("a.mp4", [0.9, 0.1], [True, False])
    values = measure(both, "mine", Given(), PeopleFiles())
    assert values["verified"] == 50
    assert values["identity_distance"] == pytest.approx(2**0.5 / 2)
    assert values["faces_kept"] == 100


def test_a_person_is_a_whole_folder() -> None:
    whose = {
        "site1/anna/mon.mp4": "site1/anna",
        "site1/anna/tue.mp4": "site1/anna",
        "site1/bob/mon.mp4": "site1/bob",
        "anna/mon.mp4": "anna",
        "mon.mp4": "mon.mp4",
    }
    for video, person in whose.items():
        [looks] = looks_at(observed(video, [0.9], [True]), "mine")
        assert looks.person == person
