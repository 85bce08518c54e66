"""The evidence of an alert: entities with their references resolved, each once. Pure.

JSON.NET's links (`$id`, `$ref`) come with repeated ids, unknown targets and circles; a link is
followed one step to the nearest definition of the right kind, and nothing is walked twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from defender.alert import Entity
from defender.alert_decode_facts import Found, Links, entity_of, is_link, name_of
from defender.alert_decode_fields import NAME_MAX, Node, fold, objects_of, plain, text_of

#: Entities kept; C085 has alerts of a hundred addresses and connections.
ENTITIES_MAX = 40
#: Entities looked at at all, and characters kept of all together.
_LOOKED_AT_MAX = 2_000
_CHARACTERS_MAX = 40_000
#: Fields that hold entities of their own.
_HOLDERS = frozenset({"parentprocess", "ipadresses", "ipaddresses"})
#: What is kept first when there are too many; the order they came in stays.
_TELLING = ("process", "file", "account", "host", "registry-key", "malware", "url", "dns", "ip")


@dataclass(slots=True)
class Evidence:
    """The entities of one alert, and what of them says where it happened."""

    entities: tuple[Entity, ...] = ()
    left: int = 0
    hosts: list[Node] = field(default_factory=list)
    resources: list[Node] = field(default_factory=list)


def evidence_of(value: object) -> Evidence:
    """Everything that can be told of the entities, whatever they are."""
    found, texts, unseen = _collect(value)
    links = Links(found)
    shown = [item for item in found if item.kind or name_of(item, None)]
    kept = _telling_ones(shown)
    entities = _bounded([entity_of(item, links) for item in kept])
    places = {id(item.node): place for place, item in enumerate(kept[: len(entities)])}
    entities = _with_parents(kept[: len(entities)], entities, links, places)
    room = ENTITIES_MAX - len(entities)
    plain = [Entity("", text_of(text, NAME_MAX)) for text in texts[:room]]
    left = len(shown) - len(entities) + len(texts) - len(plain) + unseen
    return Evidence(
        entities=(*entities, *plain),
        left=left,
        hosts=[item.node for item in found if item.kind == "host"],
        resources=[item.node for item in found if "resource" in item.kind],
    )


def _collect(value: object) -> tuple[list[Found], list[str], int]:
    """Objects (with the processes and addresses inside them), texts, and a count of the rest."""
    items = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    found: list[Found] = []
    texts: list[str] = []
    for item in items[:_LOOKED_AT_MAX]:
        if isinstance(item, dict):
            node = fold(item)
            if is_link(node):
                continue  # it is shown where it is defined
            if node.keys().isdisjoint(_HOLDERS):
                found.append(Found(node, _kind(node), len(found)))
            else:
                found.extend(_with_inner(node, len(found)))
        elif isinstance(item, str) and item.strip():
            texts.append(item)
    return found, texts, max(0, len(items) - _LOOKED_AT_MAX)


def _with_inner(node: Node, at: int) -> Iterator[Found]:
    """The addresses that a name stands for come before it, processes' parents after."""
    for inside in list(objects_of(node.get("ipadresses") or node.get("ipaddresses")))[:5]:
        if not is_link(inside):
            yield Found(inside, "ip", at)
            at += 1
    yield Found(node, _kind(node), at)
    for _ in range(5):
        parent = node.get("parentprocess")
        if not isinstance(parent, dict):
            return
        at, inside = at + 1, fold(parent)
        if is_link(inside):
            return
        node["parentprocess"] = inside  # one object, so that it is known again
        node = inside
        yield Found(node, "process", at)


def _kind(node: Node) -> str:
    return plain(node, "type", 60).lower().replace("_", "-")


def _telling_ones(shown: list[Found]) -> list[Found]:
    if len(shown) <= ENTITIES_MAX:
        return shown
    ranks = {kind: rank for rank, kind in enumerate(_TELLING)}
    ranked = sorted(range(len(shown)), key=lambda at: ranks.get(shown[at].kind, len(ranks)))
    return [shown[at] for at in sorted(ranked[:ENTITIES_MAX])]


def _bounded(entities: list[Entity]) -> list[Entity]:
    used = 0
    for at, entity in enumerate(entities):
        used += len(entity.name) + sum(map(len, entity.facts.values()))
        if used > _CHARACTERS_MAX:
            return entities[:at]
    return entities


def _with_parents(
    kept: list[Found], entities: list[Entity], links: Links, places: dict[int, int]
) -> list[Entity]:
    """Each process with its parent's place; a circle is cut where it would close."""
    parents: dict[int, int] = {}
    for place, item in enumerate(kept):
        value = item.node.get("parentprocess") if item.kind == "process" else None
        if value.__class__ is not dict:
            continue
        target = places.get(id(value))
        if target is None and (named := links.target(item, "parentprocess", "process")):
            target = places.get(id(named.node))
        above = target
        while above is not None and above != place:
            above = parents.get(above)
        if target is not None and above is None:
            parents[place] = target
    for place, parent in parents.items():
        mine = entities[place]
        entities[place] = Entity(mine.kind, mine.name, mine.facts, parent)
    return entities
