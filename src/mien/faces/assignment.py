"""Exact solution of small assignment problems, such as faces of a frame to tracks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def assign(cost: npt.NDArray[np.float64], unmatched_cost: float) -> list[tuple[int, int]]:
    """Find the cheapest partial matching of rows to columns.

    Minimises the sum of ``cost[row, column]`` over the pairs, plus ``unmatched_cost`` for every
    row without a column. A pair that costs as much as leaving its row alone is never worth it.

    Parameters
    ----------
    cost
        float64 (rows, columns); ``inf`` forbids a pair. NaN is not allowed.
    unmatched_cost
        Finite price of a row that stays alone.

    Returns
    -------
    Pairs (row, column) in the order of rows; each row and column occurs at most once.

    Raises
    ------
    ValueError
        Where ``cost`` is not a matrix, holds NaN, or ``unmatched_cost`` is not finite.

    >>> assign(np.array([[1.0, 2.0], [1.5, 9.0]]), unmatched_cost=5.0)
    [(0, 1), (1, 0)]
    """
    cost = np.asarray(cost, dtype=np.float64)
    if cost.ndim != 2 or bool(np.isnan(cost).any()):
        raise ValueError(f"cost has shape {cost.shape}; expected a matrix without NaN")
    if not np.isfinite(unmatched_cost):
        raise ValueError(f"unmatched_cost is {unmatched_cost}; it must be finite")
    # Rows that suit no column stay alone in any case; most tracks of a busy video are such.
    worth = cost < unmatched_cost
    kept_rows = np.flatnonzero(worth.any(axis=1))
    kept_columns = np.flatnonzero(worth.any(axis=0))
    cost = cost[np.ix_(kept_rows, kept_columns)]
    rows, columns = cost.shape
    if rows == 0:
        return []
    # Each row gets a column of its own in which it stays alone, so that a full matching exists.
    # Prices above that can never be chosen; clipping them keeps the arithmetic finite.
    full = np.full((rows, columns + rows), unmatched_cost)  # (rows, columns + rows)
    full[:, :columns] = np.minimum(cost, unmatched_cost)
    chosen = _shortest_augmenting_paths(full)
    return [
        (int(kept_rows[row]), int(kept_columns[column]))
        for row, column in enumerate(chosen)
        if column < columns and cost[row, column] < unmatched_cost
    ]


def _shortest_augmenting_paths(cost: npt.NDArray[np.float64]) -> list[int]:
    """Column of each row in the cheapest full matching; needs rows <= columns.

    The algorithm of Jonker and Volgenant without its initialisation, as laid out by Crouse
    (2016), "On implementing 2D rectangular assignment algorithms". O(rows² columns).
    """
    rows, columns = cost.shape
    row_price = np.zeros(rows)
    column_price = np.zeros(columns)
    column_of = [-1] * rows
    row_of = [-1] * columns
    for start in range(rows):
        shortest = np.full(columns, np.inf)
        previous = np.full(columns, -1)
        done = np.zeros(columns, dtype=np.bool_)
        visited = []
        row, reached, column = start, 0.0, -1
        while column < 0 or row_of[column] >= 0:
            if column >= 0:
                row = row_of[column]
            visited.append(row)
            through = reached + cost[row] - row_price[row] - column_price
            better = ~done & (through < shortest)
            shortest[better] = through[better]
            previous[better] = row
            column = int(np.argmin(np.where(done, np.inf, shortest)))
            reached = float(shortest[column])
            done[column] = True
        row_price[start] += reached
        for row in visited[1:]:
            row_price[row] += reached - shortest[column_of[row]]
        column_price[done] -= reached - shortest[done]
        while True:  # walk back along the path and flip it
            row = int(previous[column])
            row_of[column] = row
            column_of[row], column = column, column_of[row]
            if row == start:
                break
    return column_of
