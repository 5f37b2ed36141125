"""Columns whose values are sealed in the database and open in the program.

Whoever writes or reads such a column does so as with any other. On the way in, a statement's
values are sealed for the owner and row they are for; on the way out each value comes with its
row's owner and key, so that one from another row, column or user does not open. A value that
would get into the database unsealed is an error.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Insert,
    Text,
    Update,
    cast,
    event,
    false,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.types import TypeDecorator

_MARK: ColumnElement[str] = literal_column("'\x1f'")


class Token(str):
    """A sealed value: the only thing that a sealed column takes."""

    __slots__ = ()


class SealedText(TypeDecorator[str]):
    """Text that is sealed. The other columns of ``row`` tell rows apart, beside the owner."""

    impl = Text
    cache_ok = True

    def __init__(self, *row: str) -> None:
        super().__init__()
        self.row = row or ("id",)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Only what is sealed gets in."""
        return _only_sealed(value)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The value with its owner and its row's key, to be opened with."""
        return _with_place(column, self.row, as_json=False)


class SealedJson(TypeDecorator[Any]):
    """JSON that is sealed; ``None`` is SQL NULL."""

    impl = JSON
    cache_ok = True

    def __init__(self, *row: str) -> None:
        super().__init__(none_as_null=True)
        self.row = row or ("id",)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Only what is sealed gets in."""
        return _only_sealed(value)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The value with its owner and its row's key, to be opened with."""
        return _with_place(column, self.row, as_json=True)


class _Opened(TypeDecorator[Any]):
    """What ``column_expression`` gives, opened."""

    impl = Text
    cache_ok = True

    def __init__(self, table: str, column: str, as_json: bool) -> None:
        super().__init__()
        self.table, self.column, self.as_json = table, column, as_json

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The plain value."""
        if value is None:
            return None
        owner, rest = value.split("\x1f", 1)
        row, token = rest.rsplit("\x1f", 1)
        vault = vault_of(dialect)
        opened = vault.open(owner, self.table, self.column, row, token.strip('"')).decode()
        return json.loads(opened) if self.as_json else opened


class Place(NamedTuple):
    """A sealed column of a table, with the columns that tell its rows apart."""

    column: str
    row: tuple[str, ...]
    as_json: bool


@functools.cache
def sealed_columns(table: Any) -> list[Place]:
    """The sealed columns of a table."""
    return [
        Place(column.name, column.type.row, isinstance(column.type, SealedJson))
        for column in table.columns
        if isinstance(column.type, SealedText | SealedJson)
    ]


def row_key(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """What tells a row from the others of its table, as one text."""
    return "\x1f".join(str(row[name]) for name in names)


def vault_of(dialect: Dialect) -> Any:
    """The vault of the store that a statement runs in."""
    vault = getattr(dialect, "wlm_vault", None)
    if vault is None:
        raise RuntimeError(
            "this engine was made without its store's vault: open_store gives one to all that "
            "Store._engines names"
        )
    return vault


def install(engine: Engine) -> None:
    """Seal what statements of ``engine`` write into sealed columns."""
    event.listen(engine, "before_execute", _before_execute, retval=True)


def _before_execute(
    connection: Connection, statement: Any, many: Any, one: Any, _options: Any
) -> tuple[Any, Any, Any]:
    if isinstance(statement, Insert) and (places := sealed_columns(statement.table)):
        return _insert(connection, statement, places, many, one)
    if isinstance(statement, Update) and (places := sealed_columns(statement.table)):
        return _update(connection, statement, places, many, one), many, one
    return statement, many, one


def _insert(
    connection: Connection, statement: Insert, places: list[Place], many: Any, one: Any
) -> tuple[Any, Any, Any]:
    if statement._multi_values or statement.select is not None:
        raise TypeError("rows with sealed columns are given as parameters, not in the statement")
    given = _values(statement)
    if given:
        statement = statement.values(_sealed(connection, statement.table, places, given))
    if many:
        many = [{**row, **_sealed(connection, statement.table, places, row)} for row in many]
    if one:
        one = {**one, **_sealed(connection, statement.table, places, one)}
    return statement, many, one


def _update(
    connection: Connection, statement: Update, places: list[Place], many: Any, one: Any
) -> Update:
    given = _values(statement)
    changed = [place for place in places if given.get(place.column) is not None]
    if any(place.column in row for place in places for row in [*(many or []), one or {}]):
        raise TypeError("sealed columns are changed by the statement's values alone")
    if not changed:
        return statement
    table = statement.table
    names = changed[0].row
    query = select(table.c.owner, *(table.c[name] for name in names)).with_for_update()
    rows = connection.execute(query.where(*statement._where_criteria)).mappings().all()
    if not rows:
        # Nothing fits, and nothing that comes to fit meanwhile may get an unsealed value.
        return statement.where(false()).values({place.column: Token() for place in changed})
    if len(rows) > 1:
        raise TypeError("sealed columns are changed row by row")
    row: dict[str, Any] = dict(rows[0])
    # The row that was looked at, and no other that may come to fit meanwhile.
    statement = statement.where(*(table.c[name] == row[name] for name in names))
    values = {place.column: given[place.column] for place in changed}
    return statement.values(_sealed(connection, table, changed, {**row, **values}))


def _values(statement: Insert | Update) -> dict[str, Any]:
    """What ``.values()`` was given, by column."""
    return {
        column.key if hasattr(column, "key") else str(column): value.effective_value
        for column, value in (statement._values or {}).items()
        if isinstance(value, BindParameter)
    }


def sealed(connection: Connection, table: Any, row: Mapping[str, Any]) -> dict[str, Token]:
    """What of ``row`` is to be sealed, sealed, by column. ``row`` has its owner and its key.

    For statements that are made once and get what they write as parameters of other names.
    """
    return _sealed(connection, table, sealed_columns(table), row)


def _sealed(
    connection: Connection, table: Any, places: list[Place], row: Mapping[str, Any]
) -> dict[str, Token]:
    there = [place for place in places if row.get(place.column) is not None]
    there = [place for place in there if not isinstance(row[place.column], Token)]
    if not there:
        return {}
    seal = vault_of(connection.dialect).sealer(connection, row["owner"])
    return {
        place.column: Token(
            seal(
                table.name,
                place.column,
                row_key(row, place.row),
                plain_bytes(row[place.column], as_json=place.as_json),
            )
        )
        for place in there
    }


def plain_bytes(value: Any, *, as_json: bool) -> bytes:
    """A value as it is sealed."""
    if as_json:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return str(value).encode()


def _only_sealed(value: Any) -> Any:
    if value is not None and not isinstance(value, Token):
        raise TypeError("a value for a sealed column was not sealed")
    return str(value) if value is not None else None


def _with_place(column: Any, row: tuple[str, ...], *, as_json: bool) -> ColumnElement[Any]:
    base = getattr(column, "element", column)
    source = table = base.table
    while hasattr(table, "element"):  # an alias
        table = table.element
    table = getattr(table, "table", table)  # what an UPDATE in the query has returned
    parts = [source.c.owner, *(source.c[name] for name in row), cast(base, Text)]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.concat(_MARK).concat(part)
    return type_coerce(joined, _Opened(table.name, base.name, as_json))
