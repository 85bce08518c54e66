"""The story of an alert as plain text, to be copied into a ticket."""

from __future__ import annotations

from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.alert_story import StoryFacts
from handlers.views.alert_timeline import moments, plain
from handlers.views.alert_tree import process_tree
from handlers.views.blocks import View

#: Of a text to copy: three code blocks of 3,000 characters.
TEXT_MAX = 8_700
_CHUNK = 2_900


def story_text(facts: StoryFacts, locale: Locale) -> str:
    """The same for a ticket: plain text, times with their zone."""
    view, alert = facts.view, facts.view.alert
    steps, _ = moments(view, facts.changes, facts.related, locale)
    number = say.short_id(alert.key)
    title, machine = say.title(alert), say.machine(alert)
    lines = [
        locale.text("alert.story.text", id=number, title=title, machine=machine),
        say.severity(alert, locale),
        *(f"{locale.plain_when(step.at)}  {step.said}{step.code}" for step in steps),
        "",
        process_tree(alert.entities),
        "",
        *(f"- {entity.kind}: {safe.one_line(entity.name)}" for entity in alert.entities[:20]),
        "",
        safe.visible_controls(alert.description),
        *(f"{n}. {safe.one_line(step)}" for n, step in enumerate(alert.remediation, start=1)),
        "",
        *(
            f"{plain(step.by, view, locale)}: {step.reason}"
            for step in view.case.steps
            if step.reason
        ),
        alert.link,
        alert.arm_id or alert.key,
    ]
    said = "\n".join(lines)
    while "\n\n\n" in said:
        said = said.replace("\n\n\n", "\n\n")
    return safe.cut(safe.visible_controls(said), TEXT_MAX)


def copy_form(facts: StoryFacts, locale: Locale) -> View:
    """As code blocks: selected with one drag, nothing in it is parsed."""
    text = story_text(facts, locale)
    zone = safe.escape_mrkdwn(str(locale.tz), 60)
    parts = [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)]
    return blocks.modal(
        "alert.text",
        locale.text("alert.story.copy_title"),
        blocks.context(locale.text("alert.story.copy_hint", zone=zone)),
        *(blocks.box(part) for part in parts),
        metadata=say.reference(facts.view.alert.key),
        close=locale.text("alert.form.back"),
    )
