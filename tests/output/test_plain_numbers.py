"""Numbers of a column without Arrow's detour by pandas."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mien.parquet import plain_numbers

VALUES = st.lists(st.none() | st.integers(-1000, 1000), max_size=30)


@given(st.lists(VALUES, max_size=3), st.integers(0, 9), st.sampled_from([pa.int32(), pa.float32()]))
def test_they_are_those_that_were_put_in(chunks, start, kind):
    column = pa.chunked_array([pa.array(chunk, kind) for chunk in chunks], kind).slice(start)
    expected = [-7 if value is None else value for chunk in chunks for value in chunk][start:]
    found = plain_numbers(column, -7)
    assert found.tolist() == expected and found.dtype == np.dtype(kind.to_pandas_dtype())
