"""Which stages a surface's list is made by: those of its recipe, with the sources that it has chosen."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from honeyguide.config.settings import Surface
from honeyguide.config.surfaces import surface_problems
from honeyguide.errors import FieldError, InvalidInput
from honeyguide.protocols import Recipe, Source
from honeyguide.ranking.rules import OF_RULES


def recipe_of(recipes: Mapping[str, Recipe], surface: Surface) -> Recipe:
    """The recipe of a surface, with the sources that it names, and what rules want. One that its own recipe lacks is taken
    from another."""
    recipe = recipes[surface.recipe]
    if not surface.sources:
        return recipe
    known = all_sources(recipes) | {source.name: source for source in recipe.sources}
    names = dict.fromkeys(use.name for use in surface.sources)
    of_rules = (source for source in recipe.sources if source.name in OF_RULES)
    return replace(recipe, sources=(*(known[name] for name in names if name in known), *of_rules))


def all_sources(recipes: Mapping[str, Recipe]) -> dict[str, Source]:
    """All sources of all recipes that a surface may choose from, by name."""
    sources = (source for recipe in recipes.values() for source in recipe.sources)
    return {source.name: source for source in sources if source.name not in OF_RULES}


def with_changes(surface: Surface, changes: Mapping[str, object], recipes: Mapping[str, Recipe]) -> Surface:
    """The surface with some fields changed for one request; refuses unknown fields and values that do not fit."""
    allowed = sorted(set(Surface.model_fields) - {"name"})
    unknown = [name for name in changes if name not in allowed]
    if unknown:
        detail = f"a recipe has no field {unknown[0]!r}; it has {', '.join(allowed)}."
        raise InvalidInput("The recipe cannot be used.", errors=[FieldError(f"/recipe/{unknown[0]}", detail)])
    try:
        changed = Surface.model_validate({**surface.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput("The recipe cannot be used.", errors=[_fault(first["loc"], first["msg"])]) from None
    faults = [_fault(path, f"{problem}.") for path, problem in surface_problems(changed, all_sources(recipes))]
    if faults:
        raise InvalidInput("The recipe cannot be used.", errors=faults)
    return changed


def _fault(path: tuple[str | int, ...], detail: str) -> FieldError:
    return FieldError("/recipe/" + "/".join(str(part) for part in path), detail)
