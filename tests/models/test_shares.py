import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from mien.models.kernels import shares
from mien.models.kernels.shares import each


def threads_inside(_):
    time.sleep(0.02)  # so that every worker gets a share
    torch.ones(200_000).sigmoid_()  # large enough to be divided
    torch.bmm(torch.ones(16, 64, 64), torch.ones(16, 64, 64))
    return torch.get_num_threads()


@pytest.mark.parametrize("count", [2, 3])
def test_a_share_is_worked_on_by_one_thread_and_the_rest_keeps_its_number(count):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    shares._workers.cache_clear()
    try:
        assert each(threads_inside, range(count)) == [1] * count
        assert each(threads_inside, range(count)) == [1] * count
        assert torch.get_num_threads() == 2
        with ThreadPoolExecutor(1) as fresh:  # one that torch has not met takes the process's
            assert fresh.submit(torch.get_num_threads).result() == 2
    finally:
        torch.set_num_threads(before)


def test_results_stand_in_the_order_of_the_shares_and_record_nothing():
    weight = torch.ones(1, requires_grad=True)
    found = each(lambda share: (share, (weight * share).requires_grad), [3, 1, 2])
    assert found == [(3, False), (1, False), (2, False)]


def test_what_fails_in_a_share_is_said():
    def fail(share):
        raise ValueError(f"share {share}")

    with pytest.raises(ValueError, match="share 0"):
        each(fail, [0, 1])
