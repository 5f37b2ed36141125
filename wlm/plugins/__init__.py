"""The skill contract: everything a plugin imports comes from here.

from wlm.plugins import Context, Place, Reply, Skill, TimeRange, intent
"""

from wlm.plugins.context import Context, SharedAccount
from wlm.plugins.hookspecs import hookimpl
from wlm.plugins.scheduling import SchedulePlan, ScheduleStep
from wlm.plugins.skill import HOST_ONLY, IntentSpec, Phrases, Proposal, Skill, intent
from wlm.plugins.slots import (
    Duration,
    Email,
    Person,
    Phone,
    Place,
    Recurrence,
    Slot,
    SlotSpec,
    Text,
    Time,
    TimeRange,
)
from wlm.plugins.summaries import Passage, Summary, ToModel
from wlm.plugins.watching import Noticed
from wlm.types import Reply

__all__ = [
    "HOST_ONLY",
    "Context",
    "Duration",
    "Email",
    "IntentSpec",
    "Noticed",
    "Passage",
    "Person",
    "Phone",
    "Phrases",
    "Place",
    "Proposal",
    "Recurrence",
    "Reply",
    "SchedulePlan",
    "ScheduleStep",
    "SharedAccount",
    "Skill",
    "Slot",
    "SlotSpec",
    "Summary",
    "Text",
    "Time",
    "TimeRange",
    "ToModel",
    "hookimpl",
    "intent",
]
