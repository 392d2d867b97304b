"""FeatureBank against a ring written as a dict of lists."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor

from gmmbench.gmm.memory import FeatureBank

GROUPS, SLOTS, DIM = 4, 7, 3


def chance(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def features_numbered(start: int, n: int) -> Tensor:
    """(N, DIM), each row of its own number, so that no two pushes share a feature."""
    return torch.arange(start, start + n, dtype=torch.float32)[:, None].repeat(1, DIM)


class NaiveRing:
    """The same memory as lists of numbers, one slot at a time."""

    def __init__(self) -> None:
        self.slots: dict[int, list[float | None]] = {g: [None] * SLOTS for g in range(GROUPS)}
        self.next = dict.fromkeys(range(GROUPS), 0)

    def push(self, features: Tensor, groups: Tensor, limit: int, generator: torch.Generator) -> None:
        known = [i for i, g in enumerate(groups.tolist()) if g >= 0]
        taken = dict.fromkeys(range(GROUPS), 0)
        for position in torch.randperm(len(known), generator=generator).tolist():
            i = known[position]
            g = int(groups[i])
            if taken[g] < min(limit, SLOTS):
                self.slots[g][self.next[g]] = float(features[i, 0])
                self.next[g] = (self.next[g] + 1) % SLOTS
                taken[g] += 1

    def count(self, g: int) -> int:
        return sum(slot is not None for slot in self.slots[g])


@pytest.mark.parametrize("limit", [1, 3, SLOTS, 50])
def test_many_pushes_equal_the_naive_ring(limit: int) -> None:
    bank, naive = FeatureBank(GROUPS, SLOTS, DIM), NaiveRing()
    draw = chance(limit)
    for step in range(60):
        n = int(torch.randint(0, 25, (1,), generator=draw))
        groups = torch.randint(-2, GROUPS - (step % 2), (n,), generator=draw)  # the last group is often absent
        features = features_numbered(1 + 100 * step, n)
        bank.push(features, groups, limit=limit, generator=chance(step))
        naive.push(features, groups, limit, chance(step))
        for g in range(GROUPS):
            assert int(bank.count[g]) == naive.count(g)
            assert int(bank.pointer[g]) == naive.next[g]
            wanted = [slot or 0.0 for slot in naive.slots[g]]
            assert bank.features[g].tolist() == [[slot] * DIM for slot in wanted]
    assert (bank.count == SLOTS).all()  # every ring has wrapped around


def test_limit_is_of_one_push_and_group() -> None:
    bank = FeatureBank(GROUPS, SLOTS, DIM)
    groups = torch.tensor([0] * 10 + [1] * 2 + [3] * 5)
    bank.push(features_numbered(1, 17), groups, limit=3, generator=chance(0))
    assert bank.count.tolist() == [3, 2, 0, 3]
    bank.push(features_numbered(1, 17), groups, limit=3, generator=chance(1))
    assert bank.count.tolist() == [6, 4, 0, 6]
    bank.push(features_numbered(1, 17), groups, limit=0, generator=chance(1))
    assert bank.count.tolist() == [6, 4, 0, 6]


def test_the_limited_choice_is_uniform() -> None:
    chosen = torch.zeros(10)
    for number in range(600):
        bank = FeatureBank(1, 4, 1)
        bank.push(torch.arange(10.0)[:, None], torch.zeros(10, dtype=torch.int64), limit=2, generator=chance(number))
        chosen[bank.features[0, :2, 0].long()] += 1
    # 600 * 2 / 10 = 120 each, standard deviation 10
    assert chosen.sum() == 1200
    assert (chosen - 120).abs().max() < 40


def test_slots_not_written_stay_out_of_the_count() -> None:
    bank = FeatureBank(GROUPS, SLOTS, DIM)
    assert bank.count.tolist() == [0] * GROUPS
    bank.push(features_numbered(1, 2), torch.tensor([2, 2]), limit=5, generator=chance(0))
    assert bank.count.tolist() == [0, 0, 2, 0]
    assert sorted(bank.features[2, :2, 0].tolist()) == [1.0, 2.0]
    assert (bank.features[2, 2:] == 0).all()


@pytest.mark.parametrize("n", [0, 6])
def test_negative_groups_are_skipped(n: int) -> None:
    bank = FeatureBank(GROUPS, SLOTS, DIM)
    bank.push(features_numbered(1, n), torch.full((n,), -1), limit=5, generator=chance(0))
    assert bank.count.sum() == 0
    assert (bank.features == 0).all()


def test_features_stay_with_their_group() -> None:
    bank = FeatureBank(GROUPS, 50, DIM)
    groups = torch.randint(0, GROUPS, (100,), generator=chance(0))
    bank.push(groups.float()[:, None].repeat(1, DIM), groups, limit=50, generator=chance(1))
    for g in range(GROUPS):
        assert (bank.features[g, : int(bank.count[g])] == g).all()


def test_push_is_a_function_of_its_generator() -> None:
    def pushed(number: int) -> Tensor:
        bank = FeatureBank(GROUPS, SLOTS, DIM)
        bank.push(features_numbered(0, 40), torch.arange(40) % GROUPS, limit=3, generator=chance(number))
        return bank.features

    before = torch.get_rng_state()
    assert torch.equal(pushed(3), pushed(3))
    assert not torch.equal(pushed(3), pushed(4))
    assert torch.equal(torch.get_rng_state(), before)


def test_state_dict_round_trip() -> None:
    groups = torch.arange(40) % 3
    bank = FeatureBank(GROUPS, SLOTS, DIM)
    bank.push(features_numbered(0, 40), groups, limit=5, generator=chance(0))
    file = io.BytesIO()
    torch.save(bank.state_dict(), file)
    file.seek(0)
    again = FeatureBank(GROUPS, SLOTS, DIM)
    again.load_state_dict(torch.load(file, weights_only=True))
    for ring in (bank, again):
        ring.push(features_numbered(50, 40), groups, limit=5, generator=chance(1))
    assert set(bank.state_dict()) == {"features", "count", "pointer"}
    for name, value in bank.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
