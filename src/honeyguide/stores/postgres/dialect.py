"""SQL of `stores.sql` in the words of psycopg."""

from functools import lru_cache


@lru_cache(maxsize=1024)
def translated(sql: str) -> str:
    """SQL with `?` and `:name` for values -> as psycopg writes them."""
    parts = sql.replace("%", "%%").replace("?", "%s").replace("::", "\0").split(":")
    named = [parts[0]]
    for part in parts[1:]:
        name = part[: next((at for at, sign in enumerate(part) if not (sign.isalnum() or sign == "_")), len(part))]
        named.append(f"%({name})s{part[len(name) :]}")
    return "".join(named).replace("\0", "::")
