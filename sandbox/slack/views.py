"""Forms (modals) and Home tabs: the stack of each person, the hash, and what was typed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from sandbox.slack import block_text, element_state
from sandbox.slack.changes import Changes, Hint
from sandbox.slack.element_state import State
from sandbox.slack.json_types import JsonObject
from sandbox.slack.workspace import APP_ID, BOT_ID, TEAM_ID

#: Slack keeps at most three forms on top of each other.
STACK_MAX = 3

_COPIED = (
    "callback_id",
    "external_id",
    "private_metadata",
    "clear_on_close",
    "notify_on_close",
    "submit_disabled",
)
_EMPTY: JsonObject = {
    "callback_id": "",
    "external_id": "",
    "private_metadata": "",
    "clear_on_close": False,
    "notify_on_close": False,
    "submit_disabled": False,
}


@dataclass(slots=True, eq=False)
class View:
    """A form or Home tab; the same object stays true while it is updated."""

    id: str
    user: str
    type: str
    hash: str
    definition: JsonObject
    blocks: list[JsonObject]
    values: State
    root_view_id: str
    previous_view_id: str | None = None
    #: How often views.update or a response changed it.
    revision: int = 0
    #: (block_id, action_id) -> the options last suggested there.
    suggested: dict[tuple[str, str], list[JsonObject]] = field(default_factory=dict)

    @property
    def callback_id(self) -> str:
        """The name that the bot gave to this kind of form."""
        return str(self.definition.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        """What the bot wrote for itself into the form."""
        return str(self.definition.get("private_metadata", ""))

    @property
    def title(self) -> str:
        """The words in the title bar; empty for a Home tab."""
        return self._words("title")

    @property
    def submit(self) -> str:
        """The words on the send button; empty when there is none."""
        return self._words("submit")

    @property
    def close(self) -> str:
        """The words on the close button; empty when Slack's own are shown."""
        return self._words("close")

    @property
    def state(self) -> JsonObject:
        """What was typed and chosen, as Slack sends it."""
        return {"values": self.values}

    def _words(self, key: str) -> str:
        found = self.definition.get(key)
        return str(found["text"]) if found else ""

    def all_text(self) -> str:
        """Every visible string, title and buttons included."""
        return "\n".join([self.title, block_text.visible(self.blocks), self.submit, self.close])

    def says(self, words: str) -> bool:
        """Whether these words are shown."""
        return words in self.all_text()

    def buttons(self) -> list[tuple[str, str, str]]:
        """(text, action_id, value) of every button in the blocks."""
        return block_text.buttons(self.blocks)

    def to_json(self) -> JsonObject:
        """The view as Slack's answers and payloads carry it."""
        shown = {key: self.definition.get(key) for key in ("title", "submit", "close")}
        kept = {key: self.definition.get(key, _EMPTY[key]) for key in _COPIED}
        return {
            "id": self.id,
            "team_id": TEAM_ID,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
            "type": self.type,
            **kept,
            **shown,
            "blocks": self.blocks,
            "state": self.state,
            "hash": self.hash,
            "previous_view_id": self.previous_view_id,
            "root_view_id": self.root_view_id,
        }


class Views:
    """The stack of forms and the Home tab of every person."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._numbers = itertools.count(1)
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self._closed: dict[str, View] = {}

    def stack(self, user: str) -> list[View]:
        """The open forms of this person, top last."""
        return self.stacks.setdefault(user, [])

    def top(self, user: str) -> View | None:
        """The form that this person looks at."""
        stack = self.stack(user)
        return stack[-1] if stack else None

    def open(self, user: str, definition: JsonObject) -> View:
        """Show a form; what was open before goes."""
        view = self._new(user, definition, root=None, previous=None)
        self._forget(self.stack(user))
        self.stacks[user] = [view]
        return self._shown(view)

    def push(self, user: str, definition: JsonObject) -> View:
        """Lay a form on top; the caller has checked STACK_MAX."""
        under = self.top(user)
        view = self._new(
            user,
            definition,
            root=under.root_view_id if under else None,
            previous=under.id if under else None,
        )
        self.stack(user).append(view)
        return self._shown(view)

    def publish(self, user: str, definition: JsonObject) -> View:
        """Show this person's Home tab; its id stays the same from then on."""
        home = self.homes.get(user)
        if home is not None:
            return self.update(home, definition)
        self.homes[user] = self._new(user, definition, root=None, previous=None)
        return self._shown(self.homes[user])

    def update(self, view: View, definition: JsonObject) -> View:
        """Give a view new contents; what was typed stays where block and action are the same."""
        view.definition = definition
        view.blocks = block_text.with_ids(definition["blocks"], prefix=view.id)
        view.values = element_state.initial_state(view.blocks, earlier=view.values)
        view.hash = self._hash()
        view.revision += 1
        return self._shown(view)

    def find(self, view_id: str | None, external_id: str | None = None) -> View | None:
        """A view that somebody has open, by Slack's id or the bot's own."""
        for view in self._everything():
            named = external_id and view.definition.get("external_id") == external_id
            if view.id == view_id or named:
                return view
        return None

    def closed(self, view_id: str) -> View | None:
        """A form that was open once; late payloads of a repeated delivery refer to it."""
        return self._closed.get(view_id)

    def pop(self, view: View) -> None:
        """Close one form; the one below it shows again."""
        stack = self.stack(view.user)
        if view in stack:
            stack.remove(view)
            self._forget([view])
            self._notify(view)

    def clear(self, user: str) -> None:
        """Close every form of this person."""
        stack = self.stack(user)
        if stack:
            self._forget(stack)
            view = stack[-1]
            stack.clear()
            self._notify(view)

    def typed(self, view: View, block_id: str, action_id: str, state: JsonObject) -> None:
        """Keep what a person typed or chose."""
        view.values.setdefault(block_id, {})[action_id] = state

    def _everything(self) -> list[View]:
        return [v for stack in self.stacks.values() for v in stack] + list(self.homes.values())

    def _new(
        self, user: str, definition: JsonObject, *, root: str | None, previous: str | None
    ) -> View:
        view_id = f"V0{next(self._numbers):08X}"
        blocks = block_text.with_ids(definition["blocks"], prefix=view_id)
        return View(
            id=view_id,
            user=user,
            type=definition["type"],
            hash=self._hash(),
            definition=definition,
            blocks=blocks,
            values=element_state.initial_state(blocks, earlier={}),
            root_view_id=root or view_id,
            previous_view_id=previous,
        )

    def _hash(self) -> str:
        return f"1764000000.{next(self._numbers):08x}"

    def _forget(self, views: list[View]) -> None:
        self._closed.update({view.id: view for view in views})

    def _shown(self, view: View) -> View:
        self._notify(view)
        return view

    def _notify(self, view: View) -> None:
        kind: Hint = Hint("home" if view.type == "home" else "view", people=frozenset({view.user}))
        self._changes.notify(kind)
