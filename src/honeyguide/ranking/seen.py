"""What an expression sees of a request: its items, its user, its context, the moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from honeyguide.expressions import Expression, Value
from honeyguide.expressions.paths import at_path
from honeyguide.expressions.values import NOTHING, Numbers, constant, numbers_of
from honeyguide.protocols import ItemFeatures, Items, Request, UserFeatures
from honeyguide.types import BoolArray


@dataclass(frozen=True, slots=True)
class Seen:
    """`expressions.World` of one request. `user` has `id`, `segment` and `properties` of the user, if any; without `columns`
    feature views of items are those of now."""

    items: Items
    now: int
    context: Mapping[str, object] = field(default_factory=dict)
    user: Mapping[str, object] = field(default_factory=dict)
    features: UserFeatures | None = None
    columns: ItemFeatures | None = None

    def holds(self, expression: Expression) -> BoolArray:
        """bool [items]: where an expression is true."""
        return self.items.values.holds(expression, self)

    def value(self, path: str) -> Value:
        """What a field holds; `NOTHING` for one that there is not."""
        root, _, name = path.partition(".")
        if root == "item":
            return self._of_items(name)
        if root == "now":
            return constant(self.now)
        if root == "context":
            return constant(at_path(self.context, name))
        if root != "user":
            return NOTHING
        found = at_path(self.user, name)
        return constant(self.features.value(name) if found is None and self.features is not None else found)

    def _of_items(self, name: str) -> Value:
        if name == "age":
            return Numbers(self.now - numbers_of(self.items.values.value("created_at")).values)
        features = self.items.features if self.columns is None else self.columns
        if "." not in name and name in features.names and name not in self.items.values.kinds():
            rows = np.arange(len(self.items), dtype=np.int32)
            return Numbers(features.gather(rows, [name])[:, 0].astype(np.float64))
        return self.items.values.value(name)


def seen_by(request: Request) -> Seen:
    """What expressions see of a request."""
    user: dict[str, object] = {"properties": request.properties}
    if request.query.personalised and request.query.user_id:
        user["id"] = request.query.user_id
    if request.segment:
        user["segment"] = request.segment
    return Seen(request.items, request.now, request.query.context or {}, user, request.features, request.columns)
