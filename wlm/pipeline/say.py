"""The sentences that WLM says itself: everything else is a skill's reply."""

from __future__ import annotations

from wlm.errors import NotUnderstood, SkillMissing, WlmError
from wlm.plugins.spoken import joined
from wlm.types import Event, Question, Reply, State

NOTHING_HEARD = Reply("I heard nothing.", data={"code": "nothing_heard"})


def not_understood(*, any_skill: bool) -> Reply:
    """No skill serves the request."""
    if not any_skill:
        return Reply(
            "No skill is installed yet.",
            "No skill is installed. `pip install wlm-meeting` adds one; `wlm doctor` says more.",
            {"code": SkillMissing.code},
        )
    return Reply(
        "Sorry, I can't help with that.",
        "Sorry, I can't help with that. `wlm skills list` shows what can be asked.",
        {"code": NotUnderstood.code},
    )


def did_you_mean(helps: list[str]) -> Reply:
    """The router is unsure between intents with these one-line descriptions."""
    options = " or ".join(f"“{text.rstrip('.')}”" for text in helps)
    return Reply(f"Did you mean {options}?", data={"code": "unsure"})


def refused(error: WlmError) -> Reply:
    """Why something that was asked of WLM itself was not done."""
    text = "\n".join(line for line in (error.message, error.hint) if line)
    return Reply(error.message, text, {"code": error.code, "retryable": error.retryable})


def of_event(event: Event) -> Reply:
    """What to say of an event in the state it is in."""
    if event.question is not None and event.state.waiting:
        return _question(event.question)
    if event.state is State.CANCELLED:
        return Reply("All right, I left it.")
    if event.reply is not None and (event.state is State.SUCCEEDED or event.error is None):
        return event.reply
    if event.error is not None:
        text = event.reply.speech if event.reply else event.error.message
        later = " I will try again." if event.state is State.RETRYING else ""
        return Reply(
            f"{text}{later}",
            "\n".join(line for line in (f"{text}{later}", event.error.hint) if line),
            {"code": event.error.code, "retryable": event.error.retryable},
        )
    return Reply("It is on its way.", data={"event": event.id})


def _question(question: Question) -> Reply:
    labels = [str(candidate["label"]) for candidate in question.candidates]
    listed = [f"  {number}. {label}" for number, label in enumerate(labels, 1)]
    told = all(label.casefold() in question.text.casefold() for label in labels)
    spoken = question.text if told else f"{question.text} {joined(labels, 'or')}?"
    return Reply(
        spoken,
        "\n".join([question.text, *listed]),
        {"kind": question.kind, "slot": question.slot, "candidates": question.candidates},
    )
