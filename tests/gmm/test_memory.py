"""What EM remembers: the streaming moments by their definition, the ring against lists of numbers."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.gmm.memory import MEMORIES, QueueMemory, StreamingMemory
from gmmbench.gmm.moments import gather_moments

CLASSES, COMPONENTS, DIM = 2, 2, 3
GROUPS = CLASSES * COMPONENTS


def draw(number: int, n: int = 60) -> tuple[Tensor, Tensor, Tensor]:
    """features (N, D), hard responsibility (N, M) with some rows of zeros, labels (N,)."""
    generator = torch.Generator().manual_seed(number)
    owner = torch.randint(0, COMPONENTS, (n,), generator=generator)
    counted = torch.rand(n, 1, generator=generator) > 0.2
    labels = torch.randint(0, CLASSES, (n,), generator=generator)
    return torch.randn(n, DIM, generator=generator) + number, F.one_hot(owner, COMPONENTS) * counted.float(), labels


def numbered(start: int, n: int) -> Tensor:
    """(N, DIM), each row of its own number."""
    return torch.arange(start, start + n, dtype=torch.float32)[:, None].repeat(1, DIM)


# --- streaming ---


@pytest.mark.parametrize("joint", [True, False])
def test_without_forgetting_it_is_the_plain_average(joint: bool) -> None:
    memory = StreamingMemory(CLASSES, COMPONENTS, DIM, joint=joint, decay=1 - 1e-7)
    steps = [draw(number) for number in range(10)]
    for features, shares, labels in steps:
        memory.observe(features, shares, labels)
    together = gather_moments(*(torch.cat(part) for part in zip(*steps, strict=True)), CLASSES, joint=joint)
    for ours, theirs in zip(memory.moments(), together, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
def test_decay_by_its_definition(decay: float) -> None:
    memory = StreamingMemory(CLASSES, COMPONENTS, DIM, joint=True, decay=decay)
    steps = [draw(number) for number in range(5)]
    for features, shares, labels in steps:
        memory.observe(features, shares, labels)
    # A step that is k steps old counts decay^k.
    faded = [(x, shares * decay**age, labels) for age, (x, shares, labels) in enumerate(reversed(steps))]
    together = gather_moments(*(torch.cat(part) for part in zip(*faded, strict=True)), CLASSES, joint=True)
    for ours, theirs in zip(memory.moments(), together, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_only_what_gets_something_new_fades() -> None:
    memory = StreamingMemory(CLASSES, COMPONENTS, DIM, joint=False, decay=0.5)
    memory.observe(*draw(0))
    before = [part.clone() for part in memory.moments()]
    memory.observe(torch.ones(4, DIM), torch.tensor([[0.0, 1.0]]).repeat(4, 1), torch.ones(4, dtype=torch.int64))
    after = memory.moments()
    assert after.weight[3] == 0.5 * before[0][3] + 4
    for old, new in zip(before, after, strict=True):
        assert torch.equal(old[:3], new[:3])


def test_nothing_is_remembered_of_nothing() -> None:
    memory = StreamingMemory(CLASSES, COMPONENTS, DIM, joint=True)
    features, shares, labels = draw(0)
    memory.observe(features[:0], shares[:0], labels[:0])
    memory.observe(features, torch.zeros_like(shares), labels)
    assert all(not part.any() for part in memory.moments())


# --- the ring ---


class NaiveRing:
    """The queue as lists, one slot at a time; its choice is that of every evenly spaced pixel."""

    def __init__(self, start: Tensor) -> None:
        self.slots = [rows.tolist() for rows in start]
        self.next = [0] * GROUPS

    def observe(self, features: Tensor, shares: Tensor, labels: Tensor, limit: int) -> None:
        for group in range(GROUPS):
            c, m = divmod(group, COMPONENTS)
            mine = [i for i in range(len(features)) if labels[i] == c and shares[i, m] > 0]
            if len(mine) > limit:
                mine = [mine[place] for place in torch.linspace(0, len(mine) - 1, limit, dtype=torch.int64).tolist()]
            for i in mine:
                self.slots[group][self.next[group]] = features[i].tolist()
                self.next[group] = (self.next[group] + 1) % len(self.slots[group])


@pytest.mark.parametrize("samples", [1, 3, 7, 50, None])
def test_many_steps_equal_the_naive_ring(samples: int | None) -> None:
    memory = QueueMemory(CLASSES, COMPONENTS, DIM, joint=False, slots=7, samples=samples)
    naive = NaiveRing(memory.features)
    for number in range(30):
        features, shares, labels = draw(number, n=number)
        memory.observe(features, shares, labels)
        naive.observe(features, shares, labels, limit=7 if samples is None else min(samples, 7))
        assert memory.pointer.tolist() == naive.next
        assert memory.features.tolist() == naive.slots


def test_the_ring_wraps_and_the_pointer_with_it() -> None:
    memory = QueueMemory(1, 1, DIM, joint=False, slots=5, samples=3)
    seen = []
    for start in (0, 10, 20, 30):
        memory.observe(numbered(start, 3), torch.ones(3, 1), torch.zeros(3, dtype=torch.int64))
        seen.append((int(memory.pointer), memory.features[0, :, 0].tolist()))
    assert [pointer for pointer, _ in seen] == [3, 1, 4, 2]
    assert seen[1][1] == [12, 1, 2, 10, 11]
    assert seen[3][1] == [31, 32, 20 + 1, 22, 30]


@pytest.mark.parametrize("n", [4, 5, 37, 1000])
@pytest.mark.parametrize("samples", [2, 4])
def test_samples_are_evenly_spaced_in_raster_order(samples: int, n: int) -> None:
    memory = QueueMemory(1, 1, DIM, joint=False, slots=8, samples=samples)
    memory.observe(numbered(0, n), torch.ones(n, 1), torch.zeros(n, dtype=torch.int64))
    stored = memory.features[0, :samples, 0]
    gaps = stored.diff()
    assert stored[0] == 0
    assert stored[-1] == n - 1
    assert gaps.max() - gaps.min() <= 1
    assert int(memory.pointer) == samples


def test_no_limit_takes_all_that_the_ring_holds() -> None:
    memory = QueueMemory(1, 1, DIM, joint=False, slots=6, samples=None)
    memory.observe(numbered(0, 4), torch.ones(4, 1), torch.zeros(4, dtype=torch.int64))
    assert memory.features[0, :4, 0].tolist() == [0, 1, 2, 3]
    memory.observe(numbered(0, 11), torch.ones(11, 1), torch.zeros(11, dtype=torch.int64))
    assert sorted(memory.features[0, :, 0].tolist()) == [0, 2, 4, 6, 8, 10]
    assert int(memory.pointer) == 4


def test_the_queue_begins_full_of_unit_vectors_that_count() -> None:
    memory = QueueMemory(CLASSES, COMPONENTS, DIM, joint=False, slots=50)
    torch.testing.assert_close(memory.features.norm(dim=2), torch.ones(GROUPS, 50))
    assert memory.moments().weight.tolist() == [50] * GROUPS
    assert torch.equal(memory.features, QueueMemory(CLASSES, COMPONENTS, DIM, joint=True, slots=50).features)
    other = QueueMemory(CLASSES, COMPONENTS, DIM, joint=False, slots=50, seed=1)
    assert not torch.equal(memory.features, other.features)


@pytest.mark.parametrize("joint", [True, False])
def test_moments_are_of_all_slots(joint: bool) -> None:
    memory = QueueMemory(CLASSES, COMPONENTS, DIM, joint=joint, slots=9, samples=4)
    memory.observe(*draw(0))
    slots = memory.features.flatten(0, 1)
    labels = torch.arange(GROUPS).repeat_interleave(9)
    wanted = gather_moments(slots, torch.ones(GROUPS * 9, 1), labels, GROUPS, joint=joint)
    for ours, theirs in zip(memory.moments(), wanted, strict=True):
        torch.testing.assert_close(ours, theirs)


# --- both ---


@pytest.mark.parametrize("name", list(MEMORIES))
def test_state_dict_round_trip(name: str) -> None:
    options = {"slots": 7} if name == "queue" else {}
    one, other = (MEMORIES[name](CLASSES, COMPONENTS, DIM, joint=True, **options) for _ in range(2))
    one.observe(*draw(0))
    file = io.BytesIO()
    torch.save(one.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    identities = [id(buffer) for buffer in one.buffers()]
    for memory in (one, other):
        memory.observe(*draw(1))
    assert identities == [id(buffer) for buffer in one.buffers()]  # written into, not replaced
    for key, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key
