"""Which companies of a run were computed from orders of contacts that may not be counted any more (design 4).

The orders that a contact placed count for the company. Where the company is a person itself, they count only while the
contact is permitted and withholds none of it; orders of restricted and erased contacts never count (see
consent/activities.py). A company whose figures hold such orders is as little published as one that objected itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from consent import relations
from consent import store as consent_store
from consent.permission import lawful
from governance.fields import ACTIVITY_TYPES
from governance.vocabulary import Unit
from segmentation import store_assignments

if TYPE_CHECKING:
    from segmentation.run_task import Task

Ids = NDArray[np.int64]


def fed_no_more(connection: Connection, task: Task, changed: Ids) -> frozenset[int]:
    """Companies of an account scheme with a contact among the changed ones whose orders may not count now."""
    fields = [key for key in task.definition.fields if task.catalogue.fields[key].type in ACTIVITY_TYPES]
    if task.definition.unit is not Unit.ACCOUNT or not fields:
        return frozenset()
    feeders = store_assignments.feeders_among(connection, changed.tolist())
    personal = np.array([feeder.contact for feeder in feeders if feeder.personal], dtype=np.int64)
    counted = personal[lawful(connection, personal, task.purpose, now=task.now)]
    for key in fields:
        withheld = relations.withheld_subjects(task.purpose.key, key)
        counted = np.setdiff1d(counted, consent_store.subject_ids(connection, withheld))
    still = set(counted.tolist())
    return frozenset(
        feeder.account for feeder in feeders if feeder.closed or (feeder.personal and feeder.contact not in still)
    )
