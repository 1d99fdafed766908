import copy
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
import transformers
from open_clip import coca_model
from safetensors.torch import load_file

from cirque.encoders import captioners
from cirque.encoders.captioners import Generation
from cirque.errors import CirqueError
from cirque.stages import fetch_captioner
from tests import small_captioner, tiny

CPU = torch.device("cpu")
GREEDY = Generation(beams=1, min_length=5, max_length=12)
BEAMS = Generation(beams=2, min_length=5, max_length=12)
END = 49407


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> captioners.Captioner:
    return small_captioner.load(tmp_path_factory.mktemp("captioner"))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 3


def pixels(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


# ---- open_clip's own search ----------------------------------------------------------------------------------------


class Scorer:
    """What transformers' BeamSearchScorer did before it was dropped, for groups without an early stop."""

    def __init__(self, batch_size: int, num_beams: int, device: torch.device, num_beam_groups: int) -> None:
        self.num_beams, self.num_beam_groups = num_beams, num_beam_groups
        self.size = num_beams // num_beam_groups
        self._beam_hyps: list[list[tuple[float, torch.Tensor]]] = [[] for _ in range(batch_size * num_beam_groups)]
        self.done = [False] * len(self._beam_hyps)

    @property
    def is_done(self) -> bool:
        return all(self.done)

    def add(self, number: int, ids: torch.Tensor, total: float, length: int) -> None:
        kept = sorted([*self._beam_hyps[number], (total / length, ids.clone())], key=lambda hypothesis: hypothesis[0])
        self._beam_hyps[number] = kept[-self.size :]

    def process(
        self, ids: torch.Tensor, scores: torch.Tensor, tokens: torch.Tensor, indices: torch.Tensor, *,
        pad_token_id: int, eos_token_id: torch.Tensor, beam_indices: None, group_index: int,
    ) -> dict[str, torch.Tensor]:  # fmt: skip
        length = ids.shape[1] + 1
        next_scores, next_tokens, next_rows = [], [], []
        for image in range(len(scores)):
            number = image * self.num_beam_groups + group_index
            if self.done[number]:
                next_scores += [0.0] * self.size
                next_tokens += [pad_token_id] * self.size
                next_rows += [0] * self.size
                continue
            going_on: list[tuple[float, int, int]] = []
            for rank, (score, token, index) in enumerate(
                zip(scores[image].tolist(), tokens[image].tolist(), indices[image].tolist(), strict=True)
            ):
                row = image * self.size + index
                if token != int(eos_token_id):
                    going_on.append((score, token, row))
                elif rank < self.size:
                    self.add(number, ids[row], score, length)
                if len(going_on) == self.size:
                    break
            full = len(self._beam_hyps[number]) == self.size
            self.done[number] = full and self._beam_hyps[number][0][0] >= scores[image].max().item() / length
            next_scores += [score for score, _, _ in going_on]
            next_tokens += [token for _, token, _ in going_on]
            next_rows += [row for _, _, row in going_on]
        return {
            "next_beam_scores": torch.tensor(next_scores),
            "next_beam_tokens": torch.tensor(next_tokens),
            "next_beam_indices": torch.tensor(next_rows),
        }

    def finalize(self, ids: torch.Tensor, totals: torch.Tensor, *_: object, **__: object) -> dict[str, Any]:
        n = len(self._beam_hyps) // self.num_beam_groups
        for number in range(len(self._beam_hyps)):
            image, group = divmod(number, self.num_beam_groups)
            for beam in range(self.size):
                row = image * self.num_beams + group * self.size + beam
                if not self.done[number]:
                    self.add(number, ids[row], totals[row].item(), ids.shape[1])
        best = []
        for image in range(n):
            of_all = self._beam_hyps[image * self.num_beam_groups : (image + 1) * self.num_beam_groups]
            best.append(max((one for group in of_all for one in group), key=lambda hypothesis: hypothesis[0])[1])
        return {"sequences": best}


@pytest.fixture
def open_clip_generates(monkeypatch: pytest.MonkeyPatch) -> None:
    """open_clip's `generate` with what it misses in a current transformers."""
    names = (
        "LogitsProcessorList", "TopPLogitsWarper", "TopKLogitsWarper", "RepetitionPenaltyLogitsProcessor",
        "MinLengthLogitsProcessor", "MaxLengthCriteria", "StoppingCriteriaList",
    )  # fmt: skip
    for name in names:
        monkeypatch.setattr(coca_model, name, getattr(transformers, name), raising=False)
    monkeypatch.setitem(coca_model.GENERATION_TYPES, "top_k", transformers.TopKLogitsWarper)
    monkeypatch.setattr(coca_model, "BeamSearchScorer", Scorer, raising=False)
    monkeypatch.setattr(coca_model, "_has_transformers", True)


def inner(ids: torch.Tensor) -> list[int]:
    """Ids between start and end."""
    row = ids.tolist()[1:]
    return row[: row.index(END)] if END in row else row


@pytest.mark.usefixtures("open_clip_generates")
def test_one_beam_writes_what_open_clip_writes_greedily(captioner: captioners.Captioner, images: torch.Tensor) -> None:
    theirs = captioner.model.generate(images, generation_type="top_k", top_k=1, seq_len=13, min_seq_len=5)
    ours = captioners.search(captioner, images, GREEDY)
    assert ours == [inner(row)[:11] for row in theirs]
    assert len({len(row) for row in ours}) > 1  # some end by themselves


@pytest.mark.usefixtures("open_clip_generates")
@pytest.mark.parametrize(("beams", "groups", "ours"), [(6, 3, 2), (4, 2, 2), (3, 1, 3)])
def test_our_beams_are_those_of_one_of_open_clips_groups(
    beams: int, groups: int, ours: int, captioner: captioners.Captioner, images: torch.Tensor
) -> None:
    theirs = captioner.model.generate(images, num_beams=beams, num_beam_groups=groups, seq_len=12, min_seq_len=5)
    found = captioners.search(captioner, images, Generation(beams=ours, min_length=5, max_length=12))
    assert found == [inner(row) for row in theirs]
    assert found != captioners.search(captioner, images, GREEDY)


# ---- the search ----------------------------------------------------------------------------------------------------


def test_a_caption_is_the_same_whatever_shares_its_batch(captioner: captioners.Captioner, images: torch.Tensor) -> None:
    together = captioners.search(captioner, images, BEAMS)
    assert together == [captioners.search(captioner, image[None], BEAMS)[0] for image in images]


@pytest.mark.parametrize("beams", [1, 2, 3])
def test_a_decoder_that_only_wants_to_end_gives_an_empty_caption(tmp_path: Path, beams: int) -> None:
    silent = small_captioner.load(tmp_path, small_captioner.that_repeats(END))
    assert captioners.generate(silent, pixels(2), Generation(beams, min_length=1, max_length=6)) == ["", ""]


def test_the_end_comes_neither_too_early_nor_too_late(tmp_path: Path, images: torch.Tensor) -> None:
    hasty = small_captioner.load(tmp_path / "hasty", small_captioner.that_repeats(END))
    assert [len(row) for row in captioners.search(hasty, images[:1], Generation(1, 5, 12))] == [4]
    endless = small_captioner.load(tmp_path / "endless", small_captioner.that_repeats(320))
    assert captioners.search(endless, images[:1], BEAMS) == [[320] * 11]


def test_an_end_below_the_best_beginnings_does_not_count() -> None:
    found = [captioners.Found(2)]
    best, came_from = torch.tensor([[4.0, 3.0, 2.0, 1.0]]), torch.tensor([[0, 0, 1, 1]])
    ended = torch.tensor([[True, False, True, False]])
    captioners._collect(found, torch.tensor([[[1, 5], [1, 6]]]), best, came_from, ended, length=3)
    assert found[0].captions == [(4 / 3, [1, 5])]
    assert not found[0].done


def test_captions_that_no_model_can_write_are_refused(captioner: captioners.Captioner) -> None:
    for min_length, max_length in ((9, 8), (5, 25), (0, 8)):
        with pytest.raises(CirqueError, match=r"captioner small: captions of .*max_length at most 24"):
            captioners.generate(captioner, pixels(1), Generation(2, min_length, max_length))


@pytest.mark.parametrize(
    ("said", "caption"),
    [
        ("two red  stars .", "two red stars"),
        ("two red stars.", "two red stars"),
        ("a u.s. flag", "a u . s . flag"),
        (".", ""),
        ("", ""),
    ],
)
def test_a_caption_stands_in_a_sentence(
    said: str, caption: str, captioner: captioners.Captioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer: Any = captioner.tokenizer
    ids = [*tokenizer.encode(said), END, 320]
    monkeypatch.setattr(captioners, "search", lambda *_: [ids])
    assert captioners.generate(captioner, pixels(1), BEAMS) == [caption]


# ---- the model -----------------------------------------------------------------------------------------------------


def test_a_loaded_captioner_is_the_model_that_was_written(tmp_path: Path, images: torch.Tensor) -> None:
    model = small_captioner.build()
    loaded = small_captioner.load(tmp_path, model)
    ids = torch.randint(1, 49000, (6, 24))
    with torch.no_grad():
        theirs, ours = model(images, ids), loaded.model(images, ids)
    assert torch.equal(theirs["logits"], ours["logits"])
    assert (loaded.name, loaded.image_size, loaded.context_length) == ("small", 32, 24)
    assert not loaded.model.training
    assert not any(weight.requires_grad for weight in loaded.model.parameters())


def test_a_fetched_captioner_loads_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = small_captioner.write(tmp_path)
    monkeypatch.setattr(open_clip, "get_model_config", lambda name: copy.deepcopy(small_captioner.CONFIG))
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda name, tag: {"url": "https://example.org/coca"})
    monkeypatch.setattr(open_clip, "download_pretrained", lambda release, cache_dir=None: str(released))
    fetched = tmp_path / "fetched" / "weights.safetensors"
    fetch_captioner.main(model="coca", tag="released", weights=fetched)
    ours = captioners.load(fetched, CPU).model.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in load_file(released).items())


def test_the_weights_of_a_clip_are_no_captioner_s(tmp_path: Path) -> None:
    tiny.save_weights(tmp_path / "weights.safetensors")
    with pytest.raises(CirqueError, match=r"weights\.json: of the encoder clip, but coca is needed here"):
        captioners.load(tmp_path / "weights.safetensors", CPU)
