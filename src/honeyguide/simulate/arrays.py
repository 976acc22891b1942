"""The array types of the simulation, which does not care how wide its numbers are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.integer[Any]]
Real = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
